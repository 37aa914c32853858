"""Which learning rate: a range test, and trials with many rates at once."""
