"""The console: a page for people, which speaks to the wire as every caller does."""
