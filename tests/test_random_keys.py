"""Random keys on every screen never end the app, and leave nothing wrong on it.

`make soak` does it for minutes, with the real trainer and in a real terminal too.
"""

import hostile_presets
import pytest
from random_keys import hands, scripted_app, walk

COUNT = 150


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
