"""``python -m tui_trainer``."""

from tui_trainer.cli import main

if __name__ == "__main__":
    main()
