"""The stopping laboratory."""
