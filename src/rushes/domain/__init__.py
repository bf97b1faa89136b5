"""The words of the house and its rules; no clock, no database, no network."""
