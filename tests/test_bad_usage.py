"""Bad usage of any command: one short line on stderr, exit status 2, nothing on stdout."""

import os
from pathlib import Path

import pytest
from test_cli import invoke, mistake

DIGITS = "9" * 5000  # Python refuses to convert more than 4,300 of them
TRAIN = ("train", "--steps", "2")
SWEEP = ("sweep", "--over", "lr=0.1,0.2", "--steps", "2")
FIND = ("find-lr", "--trials", "2", "--trial-steps", "2")
APP = ("--headless",)
COMMANDS = (TRAIN, SWEEP, FIND, APP)
DEEP_TABLE = '[a]\ndescription = "d"\n' + "layer" + ".a" * 5000 + " = 1\n"
HUGE_NUMBER = '[a]\ndescription = "d"\nl1_weight = 0x' + "f" * 5000 + "\n"


def assert_refused(*arguments, words):
    """Hold that one line says where the mistake is and what would be right."""
    line = mistake(invoke(*arguments))
    assert len(line) < 300, line
    for word in words:
        assert word in line


def test_numbers_out_of_any_range():
    for flag, expected in (
        ("--lr", "a number <= 3e+38"),
        ("--steps", "a whole number <= 1000000000"),
        ("--seed", "a whole number <= 9223372036854775807"),
        ("--data-seed", "a whole number <= 9223372036854775807"),
        ("--l1-weight", "a number <= 3e+38"),
        ("--dropout", "a number < 1"),
        ("--weight-decay", "a number <= 3e+38"),
    ):
        for command in COMMANDS:
            assert_refused(*command, flag, DIGITS, words=(flag, expected, "9...9"))
            assert_refused(*command, flag, "1e400", words=(flag, expected))
            assert_refused(*command, flag, f"-{DIGITS}", words=(flag, "a ", "number >"))
            assert_refused(*command, flag, "\udcff", words=(flag, "number", "\\udcff"))
            for text in ("nan", "inf", "-inf", "", "0x10", "²"):
                assert_refused(*command, flag, text, words=(flag, "number", f"'{text}'"))


def test_numbers_of_one_command():
    whole = ("nan", "inf", "-1", "0", "1.5", "", "1e400", "1e18", "²", DIGITS)
    number = ("nan", "inf", "-inf", "-1", "0", "", "1e400", DIGITS)
    for command, flag, texts in (
        (SWEEP, "--seeds", whole),
        (FIND, "--trials", whole),
        (FIND, "--range-steps", whole),
        (FIND, "--trial-steps", whole),
        (FIND, "--low", number),
        (FIND, "--high", number),
        (APP, "--ui-budget", (*number, "100.1")),
        (APP, "--timeout", (*number, "1e7")),
        (APP, "--until", ("nan", "inf", "-1", "", "1e400")),
    ):
        for text in texts:
            assert_refused(*command, flag, text, words=(flag, "expected"))


def test_sizes_that_no_terminal_has():
    for size in ("1000x1000", "501x40", "120x201", "0x1", f"{DIGITS}x40", f"40x{DIGITS}", "²x²"):
        assert_refused(*APP, "--size", size, words=("--size", "120x40", "at most 500x200"))


def test_axes():
    for text in (f"seed={DIGITS}", f"lr=0.1:1:log:{DIGITS}", f"seed=0:{DIGITS}:lin:2", "lr=0:²"):
        assert_refused("sweep", "--over", text, words=("--over", "expected"))


def test_addresses_of_a_ray_cluster():
    for address in ("host", f"host:{DIGITS}", "ray://host:1", "²:²", f"{'x' * 5000}:1"):
        assert_refused(*SWEEP, "--ray", address, words=("--ray", "expected HOST:PORT"))
    for address in ("127.0.0.1:99999", f"{'é' * 100}:1"):
        assert_refused(*SWEEP, "--ray", address, words=(f"--ray: no Ray cluster at {address}",))


def test_an_engine_that_the_device_does_not_have(tmp_path):
    words = ("cuda-graph needs device cuda", "got cpu")
    for command in COMMANDS:
        assert_refused(*command, "--engine", "cuda-graph", words=words)
        assert_refused(
            *command, "--engine", "compiled", "--device", "cuda", words=("needs device cpu",)
        )
    file = tmp_path / "sweep.json"
    file.write_text(invoke(*SWEEP, "--json").stdout.replace('"auto"', '"cuda-graph"'))
    assert_refused("train", "--from-sweep", file, words=words)


def test_paths_that_are_none(tmp_path):
    for command, flag in (
        *((command, "--presets") for command in (*COMMANDS, ("presets",))),
        (TRAIN, "--history"),
        (TRAIN, "--from-sweep"),
        (SWEEP, "--csv"),
        (APP, "--screenshot"),
    ):
        assert_refused(*command, flag, "", words=(flag, "expected a path"))
        for place in (__file__ + "/x", "/dev/null/x"):
            assert_refused(*command, flag, place, words=(f"{flag} {place}: Not a directory",))
        if flag != "--presets":
            assert_refused(*command, flag, tmp_path, words=(f"{flag} {tmp_path}: Is a directory",))


def test_files_that_are_not_what_they_should_be(tmp_path, own_config_folder):
    presets = own_config_folder / "tui-trainer" / "presets"
    presets.mkdir(parents=True)
    for file, commands in (
        (presets / "init.toml", ((*command,) for command in (*COMMANDS, ("presets",)))),
        (presets.parent / "config.toml", (APP,)),
        (tmp_path / "sweep.json", (("train", "--from-sweep", tmp_path / "sweep.json"),)),
    ):
        for command in commands:
            for content in (b"\xff\xfe", b"[" * 100_000, b'{"a": ' * 100_000):
                file.write_bytes(content)
                assert_refused(*command, words=(str(file), "not a "))
            file.unlink()
            file.mkdir()
            assert_refused(*command, words=(str(file), "Is a directory"))
            file.rmdir()


def test_values_that_are_too_deep_or_too_long_to_show(tmp_path):
    for name, text, words in (
        ("init.toml", DEEP_TABLE, ("[a] layer", "{'a': {'a'", "LinearHe")),
        ("regularizer.toml", HUGE_NUMBER, ("[a] l1_weight", "a finite number", "thousands")),
    ):
        (tmp_path / name).write_text(text)
        assert_refused("presets", "--presets", tmp_path, words=(name, *words))
        (tmp_path / name).unlink()


@pytest.mark.parametrize("unreadable", ["presets", "presets/init.toml", "config.toml"])
def test_files_that_may_not_be_read(unreadable, own_config_folder, monkeypatch):
    """Root may read anything, so the refusal is the kernel's only in name."""
    folder = own_config_folder / "tui-trainer"
    (folder / "presets").mkdir(parents=True)
    for file in ("presets/init.toml", "config.toml"):
        (folder / file).write_text("")

    def refuse(of):
        def read(path, *arguments, **options):
            if Path(path) == folder / unreadable:
                raise PermissionError(13, os.strerror(13), str(path))
            return of(path, *arguments, **options)

        return read

    for method in ("iterdir", "read_text"):
        monkeypatch.setattr(Path, method, refuse(getattr(Path, method)))
    assert_refused(*APP, words=(str(folder / unreadable), "Permission denied"))


HOSTILE = "\x1b]0;title\x07\x9b2J\u202e\r\n"


def test_nothing_that_was_typed_or_read_reaches_a_terminal_as_it_is(
    tmp_path, own_config_folder, monkeypatch
):
    folder = own_config_folder / "tui-trainer"
    folder.mkdir()
    odd = tmp_path / f"odd{HOSTILE}"
    odd.mkdir()
    (odd / "init.toml").write_text("[a]\nlayer = 1\n")
    config = folder / "config.toml"
    escaped = HOSTILE.encode("unicode_escape").decode()
    for content in (f'theme = "{escaped}"', f'"{escaped}" = 1', f'[keys]\nstart = "{escaped}"', ""):
        config.write_text(content.replace("\\x", "\\u00"))
        for arguments in (
            ("--headless",),
            (HOSTILE,),
            (f"--{HOSTILE}",),
            (f"-{HOSTILE}",),
            ("--headless", "--press", HOSTILE),
            ("--headless", "--until", HOSTILE),
            ("--headless", "--size", HOSTILE),
            ("--headless", "--recipe", HOSTILE),
            ("--headless", f"--ascii={HOSTILE}"),
            ("--headless", "--screenshot", odd / "none" / "x.svg"),
            ("train", HOSTILE),
            ("train", "--device", HOSTILE),
            ("train", "--engine", HOSTILE),
            ("train", "--lr", HOSTILE),
            ("train", "--presets", odd),
            ("train", "--presets", tmp_path / HOSTILE),
            ("train", "--from-sweep", odd / HOSTILE),
            ("train", "--history", odd / "none" / HOSTILE),
            ("sweep", "--over", HOSTILE),
            ("sweep", "--over", f"init={HOSTILE}"),
            ("sweep", "--over", "lr=1,2", "--ray", HOSTILE),
            ("completion", HOSTILE),
            ("serve", "--origin", HOSTILE),
        ):
            if arguments == ("--headless",) and not content:
                continue  # no mistake is left
            result = invoke(*arguments)
            assert result.exit_code == 2, (content, arguments, result.output)
            said = result.output.replace("\n", "")
            assert said.isprintable(), (arguments, said)
    config.unlink()
    monkeypatch.setenv("RAY_ADDRESS", HOSTILE)
    said = invoke("sweep", "--over", "lr=1,2", "--ray", "").output
    assert said.replace("\n", "").isprintable(), said
