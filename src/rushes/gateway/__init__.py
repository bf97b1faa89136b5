"""The callers' door: submit, look, list, cancel, delete."""
