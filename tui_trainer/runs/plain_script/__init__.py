"""A run as a script in plain PyTorch: the whole in `script.py`, its parts in a file each."""
