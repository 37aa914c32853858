"""Training: a generator of events that knows no screen."""
