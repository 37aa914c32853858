"""The sweep screen, and that of one of its candidates."""
