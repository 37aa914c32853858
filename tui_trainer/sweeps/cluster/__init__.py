"""A sweep over the nodes of a Ray cluster."""
