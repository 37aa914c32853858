"""The panes that more than one screen shows."""
