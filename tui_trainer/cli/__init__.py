"""The command line: the only place that wires presets, trainers and renderers together."""

from tui_trainer.cli.app import main
from tui_trainer.cli.find_lr import find_lr
from tui_trainer.cli.presets import presets
from tui_trainer.cli.sweep import sweep
from tui_trainer.cli.train import train

main.add_command(train)
main.add_command(sweep)
main.add_command(find_lr)
main.add_command(presets)

__all__ = ["main"]
