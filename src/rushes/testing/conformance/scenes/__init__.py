"""One scene per provider kind, found by name: how to bring its upstream into any situation."""
