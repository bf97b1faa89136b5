"""Subjects: vector drawings of ours, seen from the side, moving the way they face."""
