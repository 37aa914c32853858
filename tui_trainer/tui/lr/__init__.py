"""The lr finder."""
