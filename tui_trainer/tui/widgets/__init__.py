"""What forms, panes and tables are made of."""
