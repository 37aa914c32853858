"""A screen, control and a record for a training loop of somebody's own: `Monitor`."""
