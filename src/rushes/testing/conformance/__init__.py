"""Suites that every adapter is held to, by being there: providers, and blob stores."""
