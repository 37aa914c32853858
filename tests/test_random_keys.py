"""Random keys on every screen never end the app, and leave nothing wrong on it.

`make soak` does it for minutes, with the real trainer and in a real terminal too.
"""

import shlex

import hostile_presets
import pytest
from random_keys import hands, hands_on_loop, loop_app, scripted_app, walk

COUNT = 70


@pytest.mark.parametrize(
    ("seed", "first", "hostile"),
    [(1, ["s"], False), (2, ["w", "s"], True)],
)
async def test_random_keys(seed, first, hostile, own_config_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DOWNLOAD_DIR", str(tmp_path))  # for the palette's screenshots
    if hostile:
        hostile_presets.write(own_config_folder / "tui-trainer" / "presets")
    app = scripted_app(seed, hostile=hostile)
    await walk(app, hands(seed, COUNT, first=first, hostile=hostile), hostile=hostile)


async def test_random_keys_on_the_screen_of_a_loop(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DOWNLOAD_DIR", str(tmp_path))
    app = loop_app(3, tmp_path / "runs")
    await walk(app, hands_on_loop(3, COUNT // 2), hostile=False)


FOUND = """
size:8x3 ? escape
size:1x1 ctrl+p type:a down pagedown escape escape
s size:20x5 size:30x8 size:80x24
ctrl+p type:keys wait:0.3 enter size:60x20 s
"""


async def test_what_they_found():
    await walk(scripted_app(1, hostile=False), lambda app: shlex.split(FOUND), hostile=False)
