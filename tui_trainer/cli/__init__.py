"""The command line: the only place that wires presets, trainers and renderers together."""

from tui_trainer.cli.app import main

__all__ = ["main"]
