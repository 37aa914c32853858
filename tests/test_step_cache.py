"""Compiled steps on disk: found, missed, damaged, replaced, written by two at once."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from strangers import NO_FILES, give_away

from tui_trainer.training.engines import step_cache
from tui_trainer.training.engines.step import Compiler, StepSpec
from tui_trainer.training.engines.step_cache import (
    find_step,
    make_build_folder,
    step_key,
    steps_folder,
    store_step,
)

SPEC = StepSpec((1, 20, 1), (False, False), "sgd")
COMPILER = Compiler("/usr/bin/g++", "g++ 12")
KEY = step_key(SPEC, COMPILER)


def store(content=b"a compiled step", key=KEY):
    built = make_build_folder() / "step.so"
    built.write_bytes(content)
    return store_step(key, built)


def test_the_cache_is_where_xdg_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store().parent == steps_folder() == tmp_path / "tui-trainer" / "steps"


def test_an_empty_cache_has_nothing():
    assert find_step(KEY) is None
    assert not steps_folder().exists()


def test_what_was_stored_is_found_under_its_key_alone():
    file = store()
    assert find_step(KEY) == file
    assert file.read_bytes() == b"a compiled step"
    assert find_step("0" * 32) is None


@pytest.mark.parametrize("damage", [b"", b"a compiled", b"another content"])
def test_a_damaged_file_is_not_found_but_removed_and_can_be_stored_again(damage):
    file = store()
    file.write_bytes(damage)
    assert find_step(KEY) is None
    assert not file.exists()
    assert store() == find_step(KEY) == file


def test_a_good_file_is_found_beside_a_damaged_one():
    damaged, good = store(b"one"), store(b"other")
    damaged.write_bytes(b"broken")
    assert find_step(KEY) == good


def test_writers_at_once_leave_good_files():
    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(lambda n: store(b"step %d" % (n % 3)), range(40)))
    assert find_step(KEY) in stored
    assert len(list(steps_folder().glob("*.so"))) == 3
    assert {f.read_bytes() for f in stored} == {b"step 0", b"step 1", b"step 2"}


def test_the_cache_does_not_grow_for_ever(monkeypatch):
    monkeypatch.setattr(step_cache, "KEPT_STEPS", 5)
    files = [store(key=str(number)) for number in range(1, 12)]
    assert all(file.exists() for file in files)  # a sweep may yet load them
    for age, file in enumerate(reversed(files)):
        os.utime(file, times=(0, 1e9 - age))
    newest = store(key="12")
    assert set(steps_folder().glob("*.so")) == {newest, *files[-4:]}


def test_what_is_kept_is_ours_alone_whatever_the_umask():
    before = os.umask(0)
    try:
        file = store()
        build = make_build_folder()
    finally:
        os.umask(before)
    folders = (build, steps_folder(), steps_folder().parent)
    assert [stat.S_IMODE(place.stat().st_mode) for place in folders] == [0o700] * 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_of_any_size_takes_no_time():
    file = store()
    os.truncate(file, 2**40)
    assert find_step(KEY) is None
    assert not file.exists()


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_refused_and_stays(kind):
    file = store()
    file.unlink()
    NO_FILES[kind](file)
    with pytest.raises(OSError, match="is not a regular file"):
        find_step(KEY)
    assert os.path.lexists(file)


def test_a_step_that_somebody_else_wrote_is_refused_and_stays(monkeypatch):
    file = store()
    give_away(file, monkeypatch)
    with pytest.raises(OSError, match="belongs to user"):
        find_step(KEY)
    assert file.exists()


def test_a_loop_of_links_is_an_error_like_others(monkeypatch, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "loop"))
    assert find_step(KEY) is None
    with pytest.raises(OSError, match="loop is not a folder"):
        make_build_folder()


def test_the_key_covers_everything_that_a_step_depends_on(monkeypatch, tmp_path):
    source = tmp_path / "step.cpp"
    source.write_text("changed")
    keys = [
        KEY,
        step_key(msgspec.structs.replace(SPEC, widths=(1, 21, 1)), COMPILER),
        step_key(msgspec.structs.replace(SPEC, drops=(False, True)), COMPILER),
        step_key(msgspec.structs.replace(SPEC, optimizer="adam"), COMPILER),
        step_key(SPEC, Compiler(COMPILER.path, "g++ 13")),
        step_key(SPEC, Compiler("/usr/bin/clang++", COMPILER.version)),
    ]
    for name, value in [
        ("FLAGS", ("-O2",)),
        ("processor", lambda: ("another",)),
        ("step_source", lambda: source),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(step_cache, name, value)
            keys.append(step_key(SPEC, COMPILER))
    assert len(set(keys)) == len(keys)
    assert step_key(SPEC, COMPILER) == KEY


def test_the_processor_is_named_with_all_it_can_do(monkeypatch):
    before = step_cache.processor()
    step_cache.processor.cache_clear()
    monkeypatch.setattr(step_cache, "_cpuinfo", lambda: ["flags: avx1024"])
    try:
        assert step_cache.processor() != before
        assert "flags: avx1024" in step_cache.processor()
    finally:
        step_cache.processor.cache_clear()
