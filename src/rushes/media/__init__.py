"""Hygiene: what callers point at, what they send, and what upstreams made."""
