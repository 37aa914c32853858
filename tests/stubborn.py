"""The app with work that never returns.

``stubborn.py spin|sleep|patient|hold|preview`` or ``stubborn.py flood FILE``.
"""

import ctypes
import sys
import threading
import time
from pathlib import Path

from scripted import make_app, preview, started

from tui_trainer.config.user_settings import UserSettings
from tui_trainer.tui.preferences import Preferences
from tui_trainer.tui.terminal import way_out


def spin(config=None):
    while True:
        pass


def flood(file):
    """Write nothing visible until the terminal takes no more, then make `file`."""
    written = [0]

    def write():
        while True:
            app.call_from_thread(app._driver.write, "\x1b7\x1b8" * 1000)
            written[0] += 1

    threading.Thread(target=write, daemon=True).start()
    before = -1
    while written[0] != before:
        before = written[0]
        time.sleep(1)
    Path(file).touch()


def train(config, control):
    yield started(config)
    match sys.argv[1:]:
        case ["spin"]:
            spin()
        case ["sleep"] | ["patient"]:
            time.sleep(1_000_000)
        case ["hold"]:  # the interpreter, once it is asked to stop
            while not control.stopped:
                time.sleep(0.01)
            ctypes.PyDLL(None).sleep(1_000_000)
        case ["flood", file]:
            flood(file)
            time.sleep(1_000_000)


if __name__ == "__main__":
    way_out._GRACE = 1_000_000 if sys.argv[1] == "patient" else 0.5  # what never ends needs no more
    app = make_app(
        train,
        preview=spin if sys.argv[1] == "preview" else preview,
        preferences=Preferences(UserSettings(on_hangup="checkpoint")),
    )
    app.run()
    app.wait()
    sys.exit(app.return_code)
