"""A sweep over the machines of a Ray cluster."""
