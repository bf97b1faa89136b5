"""What any store must do, room by room; `conformance.store` gathers it."""
