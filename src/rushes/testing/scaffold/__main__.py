"""`python -m rushes.testing.scaffold NAME`."""

from rushes.testing.scaffold import main

raise SystemExit(main())
