"""Places: each builds its scenery from far to near, and puts the cast where it belongs."""
