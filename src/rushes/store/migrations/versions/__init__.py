"""Schema steps, one file each; see `rushes.store.migrate`."""
