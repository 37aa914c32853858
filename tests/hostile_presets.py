"""A folder of presets that nobody would wish for: what their texts may hold, 200 of each."""

from pathlib import Path

NAMES = [
    "L1 as in [/docs/l1.md]",
    "[weak] [$x] [ b] [@click=app.quit]x[/]",
    "ends with \\",
    "[b",
    r"\[b] [[b]] {x} %s {0}",
    "\\u001b]0;title\\u0007 looks like an escape sequence",
    "宽字符宽字符宽字符宽字符宽字符宽字符",  # two cells each
    "e\u0301e\u0301e\u0301 \u0301\u0302\u0303\u0304 combining",
    "👩 👍🏽 ☂️ emoji",
    "שלום עולם",  # right to left
    "مرحبا بالعالم",
    "\u3164",  # a letter that looks like a blank
    "all",
    "0.003",
    "very long " * 40,
    "宽" * 200,
]
COUNT = 200
_TABLES = {
    "init": "layer = 'LinearHe'",
    "architecture": "network = 'mlp'\nhidden = [4]",
    "dataset": "function = 'wave'\ntrain_points = 20\nvalidation_points = 20",
    "regularizer": "l1_weight = 0.1",
}


def write(folder: Path) -> None:
    """Fill a folder with presets of every category."""
    folder.mkdir(parents=True)
    names = [*NAMES, *(f"n{number}" for number in range(COUNT - len(NAMES)))]
    for category, settings in _TABLES.items():
        tables = [f"['{name}']\ndescription = '{name or ' '}'\n{settings}\n" for name in names]
        (folder / f"{category}.toml").write_text("".join(tables), encoding="utf-8")
    parts = "\n".join(f"{category} = '{{name}}'" for category in _TABLES)
    recipe = f"['{{name}}']\ndescription = '{{name}}'\n{parts}\nlr = 0.01\nsteps = 300\n"
    recipes = [recipe.format(name=name) for name in names]
    (folder / "recipe.toml").write_text("".join(recipes), encoding="utf-8")
