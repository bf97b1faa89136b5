"""What operators do: acts over rows, each with its line in the audit log; by CLI or API."""
