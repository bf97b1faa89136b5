"""Model cards as data; see `rushes.domain.reading`."""
