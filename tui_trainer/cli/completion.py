"""``tui-trainer completion``, and what the shells are offered."""

import shlex
from collections.abc import Iterable

import click
from click.shell_completion import BashComplete, CompletionItem, get_completion_class

from tui_trainer.config.presets import CHOICES, Presets, load_presets
from tui_trainer.config.validation import InvalidSettingsError

_SHELLS = ("bash", "zsh", "fish")
_ADDS = "COMPREPLY+=($value)"


class _Bash(BashComplete):
    """Click's script; behind the = of ``lr=`` comes no space."""

    source_template = BashComplete.source_template.replace(
        _ADDS, f"{_ADDS}; [[ $value == *= ]] && compopt -o nospace"
    )


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> None:
    """Print the script that has a shell complete commands, flags and names of presets.

    \b
    bash: eval "$(tui-trainer completion bash)"         in ~/.bashrc
    zsh:  eval "$(tui-trainer completion zsh)"          in ~/.zshrc, after compinit
    fish: tui-trainer completion fish > ~/.config/fish/completions/tui-trainer.fish
    """
    kind = _Bash if shell == "bash" else get_completion_class(shell)
    assert kind is not None
    program = context.find_root().command
    click.echo(kind(program, {}, "tui-trainer", "_TUI_TRAINER_COMPLETE").source())


def complete_preset(
    category: str, context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Offer the presets of a category, those of the user and of ``--presets`` among them."""
    presets = _presets(context)
    if presets is None:
        return []
    described = {name: presets.description(category, name) for name in presets.names(category)}
    return _items(described, incomplete)


def complete_axis(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Offer the keys of ``--over KEY=VALUES``, then the names of presets where they are values."""
    from tui_trainer.sweeps.axes import AXIS_KEYS

    key, given, _values = incomplete.partition("=")
    if not given:
        return _items(dict.fromkeys((f"{key}=" for key in AXIS_KEYS), ""), incomplete)
    presets = _presets(context) if key in CHOICES else None
    if presets is None:
        return []
    described = {f"{key}=all": "all of them"}
    described |= {f"{key}={n}": presets.description(key, n) for n in presets.names(key)}
    return _items(described, incomplete)


def _presets(context: click.Context) -> Presets | None:
    """Load the presets; None if there is a mistake in a file, which is not said here."""
    try:
        return load_presets(context.params.get("presets_folder"))
    except (InvalidSettingsError, OSError):
        return None


def _items(described: dict[str, str], incomplete: str) -> list[CompletionItem[str]]:
    """Return what starts so; not what a shell would read as more than a word."""
    fitting: Iterable[str] = (name for name in described if name.startswith(incomplete))
    return [
        CompletionItem(name, help=described[name] or None)
        for name in fitting
        if shlex.quote(name) == name
    ]
