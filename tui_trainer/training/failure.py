"""What went wrong, in a line for the person who asked for it."""

import re

import torch


def describe_failure(error: Exception) -> str:
    """Say in one line what went wrong, for the person who started the run."""
    lines = str(error).strip().splitlines()
    message = lines[0] if lines else "no message"
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in message:
        asked = re.search(r"[Tt]ried to allocate ([\d.]+ \w+)", message)
        return f"out of memory{f' (asked for {asked[1]})' if asked else ''}"
    return message if isinstance(error, ValueError) else f"{type(error).__name__}: {message}"
