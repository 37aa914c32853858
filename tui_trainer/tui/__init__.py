"""The terminal app: a reader of events that never touches torch."""
