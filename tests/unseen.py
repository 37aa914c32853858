"""The app with a run that trains nothing and never ends by itself: ``unseen.py [checkpoint]``."""

import sys
import time
from pathlib import Path

from scripted import make_app, started

from tui_trainer.config.user_settings import UserSettings
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import Paused, Recorded, RunEnded
from tui_trainer.tui.preferences import Preferences


def train(config, control):
    yield started(config)
    yield Recorded(Path())
    is_paused = False
    while not control.stopped:
        if control.paused and not is_paused:
            yield Paused(0)
        is_paused = control.paused
        time.sleep(0.01)
    yield RunEnded(StopReason.STOPPED, "stopped by hand", 0)


if __name__ == "__main__":
    on_hangup = "checkpoint" if sys.argv[1:] else "continue"
    app = make_app(train, preferences=Preferences(UserSettings(on_hangup=on_hangup)))
    app.run()
    app.wait()
    sys.exit(app.return_code)
