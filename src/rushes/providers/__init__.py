"""One upstream, one file; `kind = "ark"` is `rushes.providers.ark`."""
