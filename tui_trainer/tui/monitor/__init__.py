"""The screen of any loop: its metrics in a grid of plots, its output, its list of metrics."""
