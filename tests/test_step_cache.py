"""Compiled steps on disk: found, missed, damaged, replaced, written by two at once."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import msgspec
import pytest
import torch
from compiled_steps import CONFIGS, spec_of
from reference_loop import make
from strangers import NO_FILES, give_away

from tui_trainer.config.settings import Architecture
from tui_trainer.training.engines import compile_step, step_cache
from tui_trainer.training.engines.step_cache import (
    USUAL_COMPILE_SECONDS,
    find_step,
    known_compile_seconds,
    make_build_folder,
    step_key,
    steps_folder,
    store_step,
)

SPEC = spec_of(CONFIGS["classic"])


def store(content=b"a compiled step", spec=SPEC, seconds=3.0):
    built = make_build_folder() / "step.so"
    built.write_bytes(content)
    return store_step(spec, built, seconds)


def test_the_cache_is_where_xdg_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store().parent == steps_folder() == tmp_path / "tui-trainer" / "steps"


def test_an_empty_cache_has_nothing():
    assert find_step(SPEC) is None
    assert not steps_folder().exists()
    assert known_compile_seconds() == USUAL_COMPILE_SECONDS


def test_what_was_stored_is_found_and_what_it_took_is_known():
    file = store(seconds=12.34)
    assert find_step(SPEC) == file
    assert file.read_bytes() == b"a compiled step"
    assert known_compile_seconds() == 12.3


def test_another_spec_finds_nothing():
    store()
    assert find_step(msgspec.structs.replace(SPEC, threads=2)) is None


@pytest.mark.parametrize("damage", [b"", b"a compiled", b"another content"])
def test_a_damaged_file_is_not_found_but_removed_and_can_be_stored_again(damage):
    file = store()
    file.write_bytes(damage)
    assert find_step(SPEC) is None
    assert not file.exists()
    assert store() == find_step(SPEC) == file


def test_a_good_file_is_found_beside_a_damaged_one():
    damaged, good = store(b"one"), store(b"other")
    damaged.write_bytes(b"broken")
    assert find_step(SPEC) == good


def test_writers_at_once_leave_good_files():
    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(lambda n: store(b"step %d" % (n % 3)), range(40)))
    assert find_step(SPEC) in stored
    assert len(list(steps_folder().glob("*.so"))) == 3
    assert {f.read_bytes() for f in stored} == {b"step 0", b"step 1", b"step 2"}


def test_the_cache_does_not_grow_for_ever(monkeypatch):
    monkeypatch.setattr(step_cache, "KEPT_STEPS", 5)
    for threads in range(1, 12):
        store(spec=msgspec.structs.replace(SPEC, threads=threads))
    assert len(list(steps_folder().glob("*.so"))) == 5


def test_what_is_kept_is_ours_alone_whatever_the_umask():
    before = os.umask(0)
    try:
        file = store()
        build = make_build_folder()
    finally:
        os.umask(before)
    folders = (build, steps_folder(), steps_folder().parent)
    files = (file, steps_folder() / "compile_seconds")
    assert [stat.S_IMODE(place.stat().st_mode) for place in folders] == [0o700] * 3
    assert [stat.S_IMODE(place.stat().st_mode) for place in files] == [0o600] * 2


def test_a_file_of_any_size_takes_no_time():
    file = store()
    os.truncate(file, 2**40)
    assert find_step(SPEC) is None
    assert not file.exists()


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_refused_and_stays(kind):
    file = store()
    file.unlink()
    NO_FILES[kind](file)
    with pytest.raises(OSError, match="is not a regular file"):
        find_step(SPEC)
    assert os.path.lexists(file)


def test_a_step_that_somebody_else_wrote_is_refused_and_stays(monkeypatch):
    file = store()
    give_away(file, monkeypatch)
    with pytest.raises(OSError, match="belongs to user"):
        find_step(SPEC)
    assert file.exists()


def test_a_loop_of_links_is_an_error_like_others(monkeypatch, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "loop"))
    assert find_step(SPEC) is None
    with pytest.raises(OSError, match="loop is not a folder"):
        make_build_folder()


@pytest.mark.parametrize("text", ["soon", "", "nan", "inf", "-1", "\xff", "9" * 10**6])
def test_what_the_last_compile_took_may_be_damaged(text):
    store()
    (steps_folder() / "compile_seconds").write_text(text, encoding="latin-1")
    assert known_compile_seconds() == USUAL_COMPILE_SECONDS


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_the_last_compile_took_may_be_no_file(kind):
    store()
    place = steps_folder() / "compile_seconds"
    place.unlink()
    NO_FILES[kind](place)
    assert known_compile_seconds() == USUAL_COMPILE_SECONDS
    assert find_step(SPEC) == store(seconds=4.0)
    assert known_compile_seconds() == (USUAL_COMPILE_SECONDS if place.is_dir() else 4.0)


def test_a_step_that_needs_more_than_its_library_is_no_step(monkeypatch, tmp_path):
    def with_operators_of_its_own(*args, options, **kwargs):
        (tmp_path / "hash.wrapper_metadata.json").touch()
        (tmp_path / "hash.wrapper.json").touch()

    monkeypatch.setattr(compile_step, "_example", lambda *_: ([], lambda: torch.zeros(1)))
    monkeypatch.setattr(compile_step, "_known", dict)
    monkeypatch.setattr(torch.export, "export", lambda *_: torch.nn.Module())
    monkeypatch.setattr("torch._inductor.aot_compile", with_operators_of_its_own)
    monkeypatch.setattr(torch.nn.Module, "module", lambda self: self, raising=False)
    with pytest.raises(SystemExit, match="operators"):
        compile_step.compile_step(SPEC, str(tmp_path / "step.so"))


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": Architecture(name="mlp-4x20", network="mlp", hidden=(20, 20, 20))},
        {"layer": "LinearHe"},
        {"dropout": 0.0},
        {"dropout": 0.1},
        {"l1_weight": 1.0},
        {"weight_decay": 0.01},
        {"train_points": 199},
        {"val_points": 199},
        {"unrolled": 1},
        {"threads": 2},
    ],
)
def test_the_key_covers_everything_in_the_spec(change):
    assert step_key(msgspec.structs.replace(SPEC, **change)) != step_key(SPEC)


def test_the_key_leaves_out_what_is_an_input():
    for config in (make("kaiming", lr=0.5), make("stop-patient", seed=7, data_seed=9, steps=3)):
        assert step_key(spec_of(config)) == step_key(SPEC)


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        (torch, "__version__", "9.9"),
        (torch, "version", SimpleNamespace(git_version="another")),
        (torch.backends.cpu, "get_cpu_capability", lambda: "another"),
        (step_cache.platform, "python_version", lambda: "9.9"),
        (step_cache, "_processor", lambda: ["another"]),
    ],
)
def test_the_key_covers_the_machine(monkeypatch, where, name, value):
    before = step_key(SPEC)
    step_cache.machine.cache_clear()
    monkeypatch.setattr(where, name, value)
    try:
        assert step_key(SPEC) != before
    finally:
        step_cache.machine.cache_clear()


@pytest.mark.parametrize(
    "file",
    [
        "models/mlp.py",
        "models/new.py",
        "task/loss.py",
        "engines/step.py",
        "engines/compile_step.py",
    ],
)
def test_the_key_covers_the_sources(monkeypatch, tmp_path, file):
    def fake_files(package):
        folder = tmp_path / package.rpartition(".")[2]
        folder.mkdir(exist_ok=True)
        for name in ("mlp.py", "loss.py", "network.py", "step.py", "compile_step.py"):
            if not (folder / name).exists():
                (folder / name).write_text(name)
        return folder

    monkeypatch.setattr(step_cache, "files", fake_files)
    before = step_key(SPEC)
    (tmp_path / file).write_text("changed")
    assert step_key(SPEC) != before
