"""The app with a trainer or a preview that doesn't return: ``stubborn.py spin|sleep|preview``."""

import sys
import time

from scripted import make_app, preview, started


def spin():
    while True:
        pass


def sleep():
    time.sleep(1_000_000)


def stuck_preview(config):
    spin()


def stuck_train(config, control):
    yield started(config)
    {"spin": spin, "sleep": sleep}[sys.argv[1]]()


if __name__ == "__main__":
    app = make_app(stuck_train, preview=stuck_preview if sys.argv[1] == "preview" else preview)
    app.run()
    sys.exit(app.return_code)
