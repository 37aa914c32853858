"""How long a sweep would take: rough before the first one, measured after it, whatever the file."""

import os
from pathlib import Path

import pytest
from scripted_sweep import plan

from tui_trainer.sweeps.pace import pace_of, remember_pace


def file():
    return Path(os.environ["XDG_CACHE_HOME"]) / "tui-trainer" / "sweep-pace.json"


def test_the_last_sweep_tells_how_long_the_next_one_like_it_takes():
    sweep = plan("lr=0.1,0.2", seeds=5, steps=100)
    configs = [sweep.base]
    rough = pace_of("cpu")
    assert not rough.measured
    assert rough.seconds(configs, 10) > 0
    tiny = plan("lr=0.1,0.2", steps=10**6, architecture="linear")
    for said, steps, seconds in ((sweep, 1000, 0.9), (sweep, 100, 4.0), (tiny, 2 * 10**6, 4.0)):
        remember_pace(said, steps, seconds)  # it was over at once, or most of it was no training
        assert pace_of("cpu") == rough
    remember_pace(sweep, 1000, 4.0)
    pace = pace_of("cpu")
    assert pace.measured
    assert pace.seconds(configs, 10) == pytest.approx(4.0)
    assert pace.seconds(configs, 30) == pytest.approx(12.0)
    larger = plan("lr=0.1,0.2", steps=100, architecture="wide-1x400").base
    smaller = plan("lr=0.1,0.2", steps=100, architecture="linear").base
    assert pace.seconds([smaller], 10) < 4.0 != pace.seconds([larger], 10)
    assert not pace_of("cuda").measured


@pytest.mark.parametrize(
    "text", ["", "nan", "[1]", "[" * 50_000, '{"x": 1e999}', "\udcff", '{"x": null}']
)
def test_a_file_that_says_nothing_is_as_good_as_none(text):
    file().parent.mkdir(parents=True)
    file().write_bytes(text.encode(errors="surrogateescape"))
    assert not pace_of("cpu").measured
    remember_pace(plan("lr=0.1,0.2"), 1000, 4.0)
    assert pace_of("cpu").measured


def test_a_folder_that_can_not_be_made_is_no_hindrance(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    remember_pace(plan("lr=0.1,0.2"), 1000, 4.0)
    assert not pace_of("cpu").measured
