"""The page /docs: every operation of the wire, explained, with examples, and to be tried."""
