"""The dialog that opens a data file: its path, its columns, what to predict."""
