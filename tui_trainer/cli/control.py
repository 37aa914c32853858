"""``tui-trainer control``: asks or steers a run that another process trains."""

from pathlib import Path
from typing import Any

import click
import msgspec

from tui_trainer.cli.output import EXIT_FAILED, echo_json, for_stdout, say
from tui_trainer.cli.parameters import Number
from tui_trainer.cli.saving import run_argument, runs_option
from tui_trainer.config.numbers import LearningRate
from tui_trainer.formatting import loss_text, number_text, printable
from tui_trainer.runs.folder import runs_folder

_REQUESTS = ("status", "pause", "resume", "step", "stop", "lr", "checkpoint")


@click.command()
@run_argument
@click.argument("request", type=click.Choice(_REQUESTS))
@click.argument("value", type=Number(LearningRate), required=False, metavar="[LR]")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON object.")
@runs_option
@click.pass_context
def control(
    context: click.Context,
    /,
    run: str,
    request: str,
    value: float | None,
    as_json: bool,
    runs_root: Path | None,
) -> None:
    """Ask or steer a run that another process trains.

    RUN is a folder, a unique piece of its name, or 'last'. 'lr' takes the new learning rate. What
    is asked for happens at the next boundary between steps; 'status' says how the run is doing.

    Exit status: 0 if the request was taken, 1 if no process that can be asked trains the run, 2 for
    what it refuses.
    """
    from tui_trainer.runs.client import NotReachedError, ask
    from tui_trainer.runs.listing import find_run
    from tui_trainer.runs.protocol import make_request

    if (request == "lr") is not (value is not None):
        raise click.UsageError(
            "lr: needs the new learning rate, as in 'lr 0.001'"
            if request == "lr"
            else f"{request}: takes no value"
        )
    folder = find_run(runs_folder(runs_root), run)
    try:
        status = ask(folder, make_request(request, value))
    except NotReachedError as error:
        if as_json:
            echo_json(msgspec.json.encode({"ok": False, "error": str(error)}).decode())
        say(f"tui-trainer: {error}")
        context.exit(EXIT_FAILED)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        echo_json(msgspec.json.encode({"ok": True, "status": status or None}).decode())
    elif request == "status":
        click.echo(for_stdout(_status_text(status)))


def _status_text(status: dict[str, Any]) -> str:
    """Write a status, a line a fact; fields that are missing or odd are left out."""
    known = {key: value for key, value in status.items() if value is not None}
    loss = {
        key: loss_text(known[key])
        for key in ("train_loss", "val_loss", "best_val_loss")
        if key in known
    }
    facts = {
        "state": known.get("state"),
        "step": f"{known.get('step', 0):,} of {known.get('steps', 0):,}".removesuffix(" of 0"),
        "train loss": loss.get("train_loss"),
        "validation loss": loss.get("val_loss"),
        "best validation": f"{loss['best_val_loss']} at step {known.get('best_step', 0):,}"
        if "best_val_loss" in loss
        else None,
        "lr": number_text(known["lr"]) if "lr" in known else None,
        "steps/s": f"{known.get('steps_per_second', 0.0):,.0f}",
        "problem": known.get("problem") or None,
    }
    for name, value in known.get("metrics", {}).items():
        facts[name] = f"{value:.6g}" if value is not None else "not finite"
    return "\n".join(
        f"{name:<16} {printable(str(fact))}" for name, fact in facts.items() if fact is not None
    )
