"""The command line: the only place that connects presets, trainers and renderers."""

from tui_trainer.cli.app import main

__all__ = ["main"]
