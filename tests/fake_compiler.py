"""Stands in for the compiler's process: waits for a gate, then hands out a step compiled before.

``FAKE_STEP`` is the file to hand out, ``FAKE_GATE`` the file to wait for; without a step it fails.
"""

import os
import shutil
import sys
import time
from pathlib import Path

while not Path(os.environ["FAKE_GATE"]).exists():
    time.sleep(0.005)
if "FAKE_STEP" not in os.environ:
    sys.exit("the fake compiler gives up")
shutil.copy(os.environ["FAKE_STEP"], sys.argv[2])
