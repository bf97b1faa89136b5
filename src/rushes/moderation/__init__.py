"""Who judges what callers wish for before a provider sees it: a block list, and a service."""
