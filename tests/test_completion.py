"""What the shells are offered: by the protocol, and by the shells themselves."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tui_trainer.cli import main
from tui_trainer.config.presets import PARTS, load_presets
from tui_trainer.sweeps.axes import AXIS_KEYS

PROGRAM = Path(sys.executable).with_name("tui-trainer")
PRESETS = load_presets()
DEADLINE = 90
ODD = ("$(touch gone)", "a b", "c;d", "`e`", "f*", "'g", "-h", "plain.x")


def ask(line):
    """Return what the program offers bash for the last word of a line."""
    asked = {
        "_TUI_TRAINER_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
    }
    result = CliRunner(env=asked).invoke(main, prog_name="tui-trainer", catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
    return [offered.partition(",")[2] for offered in result.stdout.splitlines() if offered]


def test_commands_flags_and_names_are_offered():
    commands = ask("tui-trainer ")
    assert {"train", "run", "sweep", "find-lr", "presets", "serve", "completion"} <= set(commands)
    assert "--recipe" in ask("tui-trainer --re")
    for category in (*PARTS, "recipe"):
        assert ask(f"tui-trainer train --{category} ") == PRESETS.names(category)
    assert ask("tui-trainer --recipe stop") == [
        name for name in PRESETS.names("recipe") if name.startswith("stop")
    ]
    assert ask("tui-trainer find-lr --engine c") == ["compiled", "cuda-graph"]
    assert ask("tui-trainer sweep --over ") == [f"{key}=" for key in AXIS_KEYS]
    names = PRESETS.names("init")
    assert ask("tui-trainer sweep --over init=") == ["init=all", *(f"init={n}" for n in names)]


def test_saved_runs_are_offered(tmp_path, monkeypatch):
    monkeypatch.setenv("TUI_TRAINER_RUNS", str(tmp_path))
    names = ["20260102-000000-b", "20260101-000000-a"]
    for name in (*names, "$(touch gone)"):
        (tmp_path / name).mkdir()
    for command in ("show", "delete", "resume", "replay", "branch"):
        assert ask(f"tui-trainer {command} ") == [*names, "last"]
    assert ask("tui-trainer delete last 20260102") == names[:1]
    assert ask(f"tui-trainer show --runs {tmp_path / 'none'} ") == ["last"]


def test_names_that_a_shell_would_run_are_not_offered_and_mistakes_are_silent(tmp_path):
    file = tmp_path / "init.toml"
    tables = (f'["{name}"]\ndescription = "x"\nlayer = "LinearHe"\n' for name in ODD)
    file.write_text("".join(tables))
    line = f"tui-trainer train --presets {tmp_path} --init "
    assert ask(line) == [*PRESETS.names("init"), "-h", "plain.x"]
    file.write_text("[\n")
    assert ask(line) == []


def test_completing_imports_neither_torch_nor_a_screen():
    code = (
        "import sys\nfrom tui_trainer.cli import main\n"
        "try:\n    main(prog_name='tui-trainer')\n"
        "except SystemExit:\n    print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ
        | {
            "_TUI_TRAINER_COMPLETE": "bash_complete",
            "COMP_WORDS": "tui-trainer sweep --over init=",
            "COMP_CWORD": "3",
        },
    )
    offered, modules = done.stdout.rsplit("\n", 2)[0], done.stdout.split("\n")[-2].split()
    assert "init=kaiming" in offered
    assert not {"torch", "numpy", "textual"} & set(modules)


SCRIPTS = {
    "bash": """
eval "$(tui-trainer completion bash)"
COMP_WORDS=(tui-trainer train --recipe stop); COMP_CWORD=3
_tui_trainer_completion tui-trainer 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
""",
    "zsh": """
autoload -Uz compinit && compinit -u -D
eval "$(tui-trainer completion zsh)"
print -r -- ${_comps[tui-trainer]}
compadd() { print -rl -- $completions }
_describe() { print -rl -- ${completions_with_descriptions%%:*} }
words=(tui-trainer train --recipe stop); CURRENT=4
_tui_trainer_completion
""",
    "fish": """
tui-trainer completion fish | source
complete --do-complete "tui-trainer train --recipe stop" | string replace -r "\\t.*" ""
""",
}


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_shell_itself_completes(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [shell, "-c", SCRIPTS[shell]],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)},
    )
    expected = [name for name in PRESETS.names("recipe") if name.startswith("stop")]
    offered = [line for line in done.stdout.splitlines() if line in expected]
    assert sorted(offered) == sorted(expected), done
    if shell == "zsh":
        assert done.stdout.startswith("_tui_trainer_completion\n")


def test_a_shell_that_is_unknown_is_one_line():
    result = CliRunner().invoke(main, ["completion", "tcsh"], catch_exceptions=False)
    assert result.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in result.stderr
