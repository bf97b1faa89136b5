"""Shipped fakes, conformance suites and simulators; only tests and `cli simulate` import it."""
