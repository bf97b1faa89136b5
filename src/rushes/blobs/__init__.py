"""Bytes under names."""
