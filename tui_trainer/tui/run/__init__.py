"""The cockpit: one run."""
