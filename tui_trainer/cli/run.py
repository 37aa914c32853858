"""``tui-trainer run``: a PyTorch script as it is, with a screen, control and a record."""

import os
import subprocess
import sys
from pathlib import Path

import click
import msgspec
from click.shell_completion import CompletionItem

from tui_trainer.cli.parameters import File
from tui_trainer.cli.saving import runs_option

_CHILD = "from tui_trainer.monitor.script import main; main()"


def _complete(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Offer files, unless a module is asked for."""
    return [] if context.params.get("is_module") else [CompletionItem(incomplete, type="file")]


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("-m", "--module", "is_module", is_flag=True,
              help="SCRIPT is a module's name, as with python -m.")  # fmt: skip
@click.option("--name", default="", help="What to call it. [default: the script's name]")
@click.option("--stop-when", metavar="RULE", default="",
              help="A metric and a stopping rule, such as 'loss: patience 200'.")  # fmt: skip
@click.option("--grad-norm", "grad_norms", is_flag=True,
              help="Record the norm of the gradients, as the optimizer gets them.")  # fmt: skip
@runs_option
@click.argument("target", metavar="SCRIPT", shell_complete=_complete)
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
def run(
    is_module: bool,
    name: str,
    stop_when: str,
    grad_norms: bool,
    runs_root: Path | None,
    target: str,
    arguments: tuple[str, ...],
) -> None:
    """Run a PyTorch script as it is, with a screen around its training.

    \b
    tui-trainer run train.py --epochs 3
    tui-trainer run -m package.train --epochs 3
    tui-trainer run --grad-norm my-console-script

    Steps, learning rates and losses come from torch itself: a step is one of an optimizer, its loss
    is what backward() starts from. Metrics of several optimizers are numbered: loss, loss_2. How
    many steps there will be, epochs and validation can't be seen there. On a terminal the screen
    opens at the first step; without one, attach to it from another.

    The lr is set in the optimizers' groups; a scheduler may set it again. A stop is a
    KeyboardInterrupt between two steps, which the script may catch.

    Exit status: the script's own; 130 if it was stopped, 0 if that was by --stop-when, 2 for bad
    usage.
    """
    from tui_trainer.monitor.script import Options

    if stop_when:
        from tui_trainer.monitor.stop_rule import parse_stop_rule

        parse_stop_rule(stop_when)
    options = Options(
        target=target if is_module else _find(target),
        arguments=list(arguments),
        is_module=is_module,
        name=name,
        stop_when=stop_when,
        runs=str(runs_root) if runs_root is not None else None,
        grad_norms=grad_norms,
    )
    python = sys.executable
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    if "-P" not in flags:  # else the working folder could shadow what we import
        flags.append("-P")
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(python, [python, *flags, "-c", _CHILD, msgspec.json.encode(options).decode()])


def _find(target: str) -> str:
    """Find a script by its path, or a console script by its name.

    Raises:
        click.UsageError: if there is none that this Python can run.
    """
    import shutil

    File().convert(target, None, None)
    if Path(target).exists():
        return target
    beside = Path(sys.executable).with_name(target) if os.sep not in target else None
    found = str(beside) if beside is not None and beside.is_file() else shutil.which(target)
    if found is None:
        raise click.UsageError(
            f"no file {target}, and no console script of that name; a module needs -m"
        )
    _require_python(found)
    return found


def _require_python(path: str) -> None:
    with Path(path).open("rb") as file:
        first = file.read(256)
    if b"python" not in first.partition(b"\n")[0] and b"'exec' '" not in first:
        raise click.UsageError(f"{path} is no Python script")
