"""The terminal: what is sent there, and how the process has it and gives it back."""
