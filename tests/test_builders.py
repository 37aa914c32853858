"""Networks of people's own: what is trained, what is refused, and what a mistake in them says."""

import re
import sys
import time

import data_files
import msgspec
import numpy as np
import own_networks
import pytest
import reference_loop
import sweeping
import torch
from comparing import assert_identical, losses_of
from data_files import dataset_of
from own_networks import GOOD, HEAD, config_of, write
from scripted import make_app, press, shown, until
from test_cli import invoke, mistake
from textual.widgets import Static
from torch import nn

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.lr_search.range_test import find_lr_range
from tui_trainer.runs.export import Repeatable
from tui_trainer.runs.plain_script.script import to_script
from tui_trainer.sweeps import sweeper
from tui_trainer.sweeps.events import SweepNoted
from tui_trainer.task import interrupting
from tui_trainer.task.files.resolving import resolve
from tui_trainer.training.control import Control
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.setup import Setup, preview
from tui_trainer.training.trainer import train

LINES = HEAD.count("\n")
DEADLINE_SECONDS = 60


def reference(config, body, reinit=None):
    """Train as a script would that has the file's text in it."""
    module = {"__name__": "script"}
    exec(HEAD + body, module)
    train_x, train_y, val_x, val_y = reference_loop.make_data(config)
    torch.manual_seed(config.seed)
    arguments = {word: 1 for word in ("features", "inputs") if f"build({word}" in body}
    model = module["build"](**arguments)
    if reinit is not None:
        reinit(model)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=config.lr, foreach=False)
    losses = [], []
    for _ in range(config.steps):
        model.train()
        loss = reference_loop.mse(model(train_x), train_y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        model.eval()
        with torch.no_grad():
            losses[1].append(reference_loop.mse(model(val_x), val_y).item())
        losses[0].append(loss.item())
    return [np.array(split, np.float32) for split in losses]


@pytest.mark.parametrize("name", GOOD)
def test_a_run_equals_the_script_bit_for_bit(name, tmp_path):
    config = config_of(write(tmp_path, GOOD[name]))
    expected = reference(config, GOOD[name])
    assert_identical(losses_of(list(train(config))), expected)
    engine = Setup(config).engine
    engine.advance(7)
    start = engine.state.snapshot()
    repeated = engine.advance(9)
    engine.state.restore(start)
    assert_identical(engine.advance(9), repeated)
    found = sweeping.run([config, msgspec.structs.replace(config, seed=3), config])
    if found[0].ended.reason is StopReason.COMPLETED:
        np.testing.assert_allclose(found[0].train, expected[0], rtol=1e-4)


def test_an_init_sets_linear_layers_in_their_order(tmp_path):
    config = config_of(write(tmp_path, GOOD["batch-norm"]), init="he")

    def he(model):
        with torch.no_grad():
            for layer in model:
                if isinstance(layer, nn.Linear):
                    inputs, outputs = layer.in_features, layer.out_features
                    layer.weight.copy_((torch.randn(inputs, outputs) * (2 / inputs) ** 0.5).T)
                    layer.bias.zero_()

    assert_identical(
        losses_of(list(train(config))), reference(config, GOOD["batch-norm"], reinit=he)
    )
    assert preview(config).init_words == "sets 2 linear layers, not BatchNorm1d"
    assert preview(msgspec.structs.replace(config, init=config_of_own(config))).init_words == (
        "as its builder makes it"
    )


def config_of_own(config):
    return reference_loop.PRESETS.init["own"].settings


def test_no_script_holds_somebodys_code(tmp_path):
    run = Repeatable(config_of(write(tmp_path, GOOD["residual"])), 40)
    with pytest.raises(ValueError, match="network own is code of your own"):
        to_script(run, "name")


def test_a_builder_is_told_features_its_arguments_and_the_dropout(tmp_path):
    presets = write(tmp_path, GOOD["dropout"])
    state = Setup(config_of(presets, regularizer="dropout", dropout=0.25)).state
    assert [m.p for m in state.model if isinstance(m, nn.Dropout)] == [0.25]
    presets = write(tmp_path, GOOD["residual"], "{ width = 5 }")
    assert preview(config_of(presets)).parameter_count == 10 + 4 * 30 + 6
    with pytest.raises(InvalidSettingsError, match="takes no 'dropout'"):
        preview(config_of(presets, regularizer="dropout"))


def layer(forward):
    """A network whose forward pass is this line."""
    lines = ("class build(nn.Linear):", "    def __init__(self):", "        super().__init__(1, 1)")
    return "\n".join([*lines, "    def forward(self, x):", f"        {forward}", ""])


def built(expression):
    return f"def build():\n    return {expression}\n"


NO_MODULE = "net.py:build returns an object of type"
# What is wrong, and what is said of it. A file's own lines start at the fourth.
MISTAKES = [
    ("def build(:", "net.py line 4: SyntaxError: invalid syntax"),
    ("x = 1\ny = z", "net.py line 5: NameError: name 'z' is not defined"),
    ("import nowhere", "net.py line 4: ModuleNotFoundError: No module named 'nowhere'"),
    ("def built(): ...", "net.py has no function 'build'; did you mean 'built'"),
    ("build = 3", "net.py:build is no function that builds a network, but of type int"),
    ("def build(features, width): ...", "(features, width): missing a required argument: 'width'"),
    (built("nn.Linear(1, -1)"), "net.py line 5: RuntimeError: Trying to create tensor with neg"),
    (built("3"), f"{NO_MODULE} int: expected a nn.Module"),
    (built("nn.Linear"), f"{NO_MODULE} type"),
    (
        layer("return super().forward(x)[:, 0]"),
        (
            "net.py:build: the network returns a tensor of shape (4,) for an input of shape "
            "(4, 1): expected float32 of shape (4, 1)"
        ),
    ),
    (built("nn.Linear(1, 2)"), "returns a tensor of shape (4, 2)"),
    (built("nn.LSTM(1, 1)"), "returns an object of type tuple"),
    (built("nn.Linear(3, 1)"), "net.py:build: RuntimeError: mat1 and mat2 shapes cannot be mult"),
    (layer("return self.gone(x)"), "net.py line 8: AttributeError: 'build' object has no attr"),
    (layer("return super().forward(x).detach()"), "a tensor that depends on no parameter"),
    (layer("return super().forward(x) + float('nan')"), ""),  # diverges, as any other
    (built("nn.ReLU()"), "net.py:build returns a network without a parameter to train"),
    (built("nn.Linear(1, 1).requires_grad_(False)"), "without a parameter to train"),
    (built("nn.LazyLinear(1)"), "net.py:build: weight has no shape yet"),
    (built("nn.init.constant_(nn.Linear(1, 1), 3)"), "net.py line 5: AttributeError"),
    (built("nn.Sequential(nn.Linear(1, 1)).double()"), "net.py:build: 0.weight is torch.float64"),
    (
        (
            "def build():\n    made = nn.Linear(1, 1)\n    made.bias.data[:] = float('nan')\n"
            "    return made"
        ),
        "net.py:build: bias holds NaN or infinity before any step",
    ),
    ("import sys\nsys.exit(3)", "net.py line 5: calls sys.exit(3)"),
    (layer("raise SystemExit"), "net.py line 8: calls sys.exit()"),
    (layer("raise KeyboardInterrupt"), "net.py line 8: KeyboardInterrupt"),
    (
        "import random\n" + layer("return super().forward(x) * random.random()"),
        "the network draws random numbers from Python's random, which no run can repeat",
    ),
    (
        "LAYER = nn.Linear(1, 1)\n" + built("LAYER"),
        "net.py:build returns the network that it returned before: expected a new one each time",
    ),
]


def test_a_mistake_is_one_line_of_the_file(tmp_path):
    for number, (body, expected) in enumerate(MISTAKES):
        config = config_of(write(tmp_path / str(number), body))
        (line,) = {end.detail for *_, end in (train(config), train(config)) if not end.steps} or {
            ""
        }
        assert expected in line
        assert "\n" not in line
        assert len(line) < 300
        if expected:
            with pytest.raises(ValueError, match=re.escape(line)):
                preview(config)


def test_a_network_that_exits_in_a_later_step_fails_a_run_and_a_range_test(tmp_path):
    moved = "abs(SEEN[0] - SEEN[-1]) > 0.01"
    forward = f"SEEN.append(self.weight.item()); {moved} and sys.exit(3); return super().forward(x)"
    config = config_of(write(tmp_path, "import sys\nSEEN = []\n" + layer(forward)))
    *_, run = train(msgspec.structs.replace(config, lr=0.1))
    *_, test = find_lr_range(config)
    for ended, words in ((run, run.detail), (test, test.suggestion.words)):
        assert ended.reason is StopReason.FAILED
        assert words == "net.py line 10: calls sys.exit(3)"


def test_arguments_that_a_builder_does_not_take_are_named(tmp_path):
    presets = write(tmp_path, GOOD["residual"], "{ widht = 3 }")
    with pytest.raises(ValueError, match=r"widht.*did you mean 'width'"):
        preview(config_of(presets))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('builder = "net.py"', "builder: expected 'file.py:function'"),
        ('builder = "net:"', "builder: expected 'file.py:function'"),
        ('builder = "a b:build"', "builder: expected 'file.py:function'"),
        ('builder = "net.py:build"\nnetwork = "mlp"', "network: a builder makes the network"),
        ('builder = "net.py:build"\nhidden = [3]', "hidden: a builder makes the network"),
        ('network = "mlp"\narguments = { width = 3 }', "arguments: these are a builder's"),
        ("hidden = [3]", "network: missing, or a builder; allowed: mlp"),
    ],
)
def test_a_preset_that_names_no_function_is_refused(table, words, tmp_path):
    (tmp_path / "architecture.toml").write_text(f'[own]\ndescription = "d"\n{table}\n')
    line = mistake(invoke("train", "--presets", str(tmp_path), "--steps", "2"))
    assert words in line
    assert "[own]" in line


def test_a_mistake_after_the_first_step_ends_a_run_with_its_line(tmp_path):
    body = (
        "class build(nn.Linear):\n    def __init__(self):\n        super().__init__(1, 1)\n"
        "        self.passes = 0\n    def forward(self, x):\n        self.passes += 1\n"
        "        if self.passes > 40:\n            raise ValueError('no more\\nof that')\n"
        "        return super().forward(x)\n"
    )
    *events, end = train(config_of(write(tmp_path, body), regularizer="none"))
    assert (end.reason, end.detail) == (StopReason.FAILED, "net.py line 11: ValueError: no more")
    assert end.steps > 0
    assert events


def test_a_keyboard_interrupt_of_its_own_is_a_mistake_and_a_person_s_is_none(tmp_path):
    late = layer("self.passes = getattr(self, 'passes', 0) + 1").rstrip("\n")
    late += "\n        if self.passes > 40:\n            {}\n        return super().forward(x)\n"
    config = config_of(write(tmp_path / "own", late.format("raise KeyboardInterrupt")))
    (*_, run), (*_, swept) = train(config), sweeping.drive(sweeping.plan_of([config]))
    assert run.detail == swept.detail == "net.py line 10: KeyboardInterrupt"
    pressed = late.format("import signal; signal.raise_signal(signal.SIGINT)")
    with pytest.raises(KeyboardInterrupt):
        list(train(config_of(write(tmp_path / "pressed", pressed))))


def test_what_hangs_is_ended_by_a_stop_or_a_limit(tmp_path, monkeypatch):
    config = config_of(write(tmp_path, "while True:\n    pass\n"))
    control = Control()
    control.stop()
    (end,) = train(config, control)
    assert re.fullmatch(r"net.py line [45]: stopped", end.detail)
    monkeypatch.setattr(interrupting, "LIMIT_SECONDS", 0.1)
    began = time.monotonic()
    with pytest.raises(ValueError, match=r"net.py line [45]: still running after 0 s"):
        preview(config)
    assert time.monotonic() - began < DEADLINE_SECONDS
    assert preview(config_of(write(tmp_path, GOOD["residual"]))).parameter_count


def test_settings_for_everybody_are_undone(tmp_path):
    body = (
        "import random, sys\ntorch.set_default_dtype(torch.float64)\ntorch.set_num_threads(2)\n"
        "torch.set_grad_enabled(False)\nrandom.seed(1)\ntorch.manual_seed(1)\n"
        "sys.stdout = sys.stderr\n"
        "def build():\n    torch.set_default_dtype(torch.float32)\n"
        "    with torch.enable_grad():\n        return nn.Linear(1, 1)\n"
    )
    torch.manual_seed(5)
    before = torch.get_rng_state(), sys.stdout
    assert losses_of(list(train(config_of(write(tmp_path, body)))))
    assert torch.get_default_dtype() is torch.float32
    assert torch.get_num_threads() == 1
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert sys.stdout is before[1]


def test_what_a_pass_sets_for_everybody_is_undone_before_the_next(tmp_path):
    sets = (
        "class build(nn.Linear):\n    def __init__(self):\n        super().__init__(1, 1)\n"
        "    def forward(self, x):\n        made = super().forward(x) + torch.zeros(1)\n"
        "        torch.set_grad_enabled(False)\n        torch.set_default_dtype(torch.float64)\n"
        "        torch.set_num_threads(2)\n        torch.set_default_device('meta')\n"
        "        return made\n"
    )
    plain = config_of(write(tmp_path / "plain", layer("return super().forward(x)")))
    config = config_of(write(tmp_path / "own", sets))
    expected = losses_of(list(train(plain)))
    assert_identical(losses_of(list(train(config))), expected)
    preview(config)
    for found in sweeping.run([config, config]):
        np.testing.assert_allclose(found.train, expected[0], rtol=1e-4)
    assert (torch.get_default_dtype(), torch.empty(0).device.type) == (torch.float32, "cpu")
    assert torch.is_grad_enabled()
    assert torch.get_num_threads() == 1


CHANGED = "the network changes its input in place: use an out-of-place operation, such as ReLU()"


def test_a_network_that_writes_to_its_input_is_refused_and_spoils_nobodys_data(tmp_path):
    data = dataset_of(data_files.write(tmp_path / "x.csv", data_files.columns()))
    data = resolve(msgspec.structs.replace(data, feature_names=("a",))).dataset

    def of_file(name, body, **settings):
        config = config_of(write(tmp_path / name, body), **settings)
        return msgspec.structs.replace(config, dataset=data)

    good = of_file("good", layer("return super().forward(x)"))
    expected = losses_of(list(train(good)))
    late = layer("self.passes = getattr(self, 'passes', 0) + 1").rstrip("\n")
    late += "\n        return super().forward(x.mul_(1.01) if self.passes > 40 else x)\n"
    at_once = (
        built("nn.Sequential(nn.ReLU(inplace=True), nn.Linear(1, 1))"),
        layer("return super().forward(x.mul_(1.01) if self.training else x)"),
        layer("return super().forward(x.data.mul_(1.01))"),
    )
    for number, body in enumerate((*at_once, late)):
        config = of_file(f"bad-{number}", body)
        assert CHANGED in list(train(config))[-1].detail
        ended = list(sweeping.drive(sweeping.plan_of([config])))[-1]
        assert CHANGED in ended.detail
        if body is not late:
            with pytest.raises(ValueError, match=re.escape(CHANGED)):
                preview(config)
        assert_identical(losses_of(list(train(good))), expected)


def test_a_changed_file_and_what_it_imports_are_read_anew(tmp_path):
    body = "from parts import WIDTH\ndef build():\n    return nn.Linear(1, 1)\n"
    presets = write(tmp_path, body + "# one\n")
    (tmp_path / "parts.py").write_text("WIDTH = 1\n")
    digests = [Setup(config_of(presets)).code_digest]
    write(tmp_path, body + "# two\n")
    digests.append(Setup(config_of(presets)).code_digest)
    (tmp_path / "parts.py").write_text("WIDHT = 1\n")  # as long, and in the same second
    with pytest.raises(ValueError, match=r"net.py line 4: ImportError: cannot import name 'WIDTH'"):
        Setup(config_of(presets))
    (tmp_path / "parts.py").write_text("WIDTH = 2\n")
    digests.append(Setup(config_of(presets)).code_digest)
    assert len(set(digests)) == 3
    assert Setup(config_of(presets)).code_digest == digests[-1]
    assert not (tmp_path / "__pycache__").exists()


def test_a_package_and_a_folder_of_ones_home_are_found(tmp_path, monkeypatch):
    (tmp_path / "package_of_mine").mkdir()
    (tmp_path / "package_of_mine" / "__init__.py").write_text("")
    (tmp_path / "package_of_mine" / "nets.py").write_text(HEAD + GOOD["residual"])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "presets").mkdir()
    write(tmp_path, GOOD["residual"])
    (tmp_path / "presets" / "architecture.toml").write_text(
        '[own]\ndescription = "d"\nbuilder = "package_of_mine.nets:build"\n'
        '[home]\ndescription = "d"\nbuilder = "~/net.py:build"\n'
        '[torchs]\ndescription = "d"\nbuilder = "torch.nn:Linear"\n'
        "arguments = { out_features = 1 }\n"
    )
    presets = own_networks.load_presets(tmp_path / "presets")
    sizes = [preview(config_of(presets, name)).parameter_count for name in ("own", "home")]
    assert sizes[0] == sizes[1]
    assert preview(config_of(presets, "torchs")).parameter_count == 2
    source = tmp_path / "package_of_mine" / "nets.py"
    source.write_text(source.read_text().replace("return x +", "return y +"))
    with pytest.raises(ValueError, match=r"nets.py line \d+: NameError: name 'y' is not defined"):
        preview(config_of(presets))


def test_layers_that_wait_for_a_first_step_are_not_called_dead(tmp_path):
    body = GOOD["residual"].replace(
        "    def forward", "        nn.init.zeros_(self.second.weight)\n\n    def forward"
    )
    presets = write(tmp_path, body)
    assert preview(config_of(presets)).not_learning is None
    assert preview(config_of(presets, init="zeros")).not_learning is not None


def test_on_the_command_line_prints_leave_stdout_alone_and_mistakes_are_status_2(tmp_path):
    runs = tmp_path / "runs"
    write(
        tmp_path / "p",
        "print('read')\n"
        + GOOD["residual"].replace("        return x", "        print('passed')\n        return x"),
    )
    chosen = ("--presets", str(tmp_path / "p"), "--architecture", "own", "--steps", "5")
    for command in (
        ("train", "--json", "--runs", str(runs)),
        ("sweep", "--over", "seed=1,2", "--json", "--no-save"),
        ("find-lr", "--json", "--trials", "2", "--trial-steps", "3", "--range-steps", "20"),
    ):
        result = invoke(*command, *(chosen[:-2] if command[0] == "find-lr" else chosen))
        assert msgspec.json.decode(result.stdout or b"0"), (command, result.stderr)
        assert "passed" in result.stderr
    write(tmp_path / "p", "x = 1 / 0\n")
    for command in (("train",), ("sweep", "--over", "seed=1,2"), ("find-lr", "--trials", "2")):
        result = invoke(*command, *chosen[:-2])
        assert mistake(result).endswith("net.py line 4: ZeroDivisionError: division by zero")


def test_a_saved_run_executes_only_what_ones_own_presets_name(tmp_path, monkeypatch):
    runs, presets = tmp_path / "runs", tmp_path / "presets"
    marks = tmp_path / "executed"
    body = f"import pathlib\npathlib.Path({str(marks)!r}).touch()\n" + GOOD["residual"]
    write(presets, body)
    chosen = ("--presets", str(presets))
    invoke("train", *chosen, "--architecture", "own", "--steps", "5", "--runs", str(runs))
    marks.unlink()

    monkeypatch.setattr("tui_trainer.config.builders._named", set())  # as another person's program
    ways = (
        ("replay", "last"),
        ("resume", "last", "--steps", "9"),
        ("branch", "last", "--at", "3", "--set", "steps=9"),
    )
    for way in ways:
        line = mistake(invoke(*way, "--runs", str(runs)))
        assert "is code, and runs only if a preset of your own names it" in line
        assert not marks.exists()
    for way in ways:
        result = invoke(*way, *chosen, "--runs", str(runs))
        assert result.exit_code == 0, result.stderr
    (file,) = [f for f in runs.glob("*/run.toml") if "[parent]" not in f.read_text()]
    text, table = file.read_text(), "[config.architecture.arguments]\n"
    assert table in text
    file.write_text(text.replace(table, f"{table}width = 3\n"))
    line = mistake(invoke("replay", file.parent, *chosen))
    assert "once you trust it" in line
    assert "arguments = {'width': 3}" in line
    file.write_text(text)
    write(presets, body + "\n# another\n")
    for way in (ways[0], ("resume", "last", "--steps", "20"), ways[2]):
        line = mistake(invoke(*way, *chosen, "--runs", str(runs)))
        assert "the code of builder net.py:build has changed since this run" in line


PLAIN = "def build():\n    return nn.Sequential(nn.Linear(1, {w}), nn.{act}(), nn.Linear({w}, 1))\n"
REASONS = [
    (GOOD["batch-norm"], "since it has buffers"),
    (GOOD["dropout"], "since it draws random numbers"),
    (GOOD["partly"], "since it has frozen parameters"),
    (PLAIN.format(w=7, act="GELU"), "since the bits of gelu would depend on a candidate's neigh"),
    (PLAIN.format(w=9000, act="ReLU"), "since it is too large to gain from a batch"),
    (
        layer("return super().forward(x) if self.weight.sum() > 0 else super().forward(-x)"),
        "since its code asks for the values of tensors",
    ),
]


def test_a_sweep_trains_them_as_a_batch_to_the_same_bits_in_any_company(tmp_path, monkeypatch):
    presets = write(tmp_path, GOOD["residual"])
    own = {"init": "kaiming", "regularizer": "none", "l1_weight": 0.1, "weight_decay": 0.01}
    settings = [{**own, "seed": seed, "lr": lr} for seed in (0, 1, 2) for lr in (0.001, 0.01)]
    settings += [{"regularizer": "stop-first-increase", "lr": 0.01, "steps": 40}, {"lr": 1e5}]
    configs = [config_of(presets, **{"steps": 20, **values}) for values in settings]
    together = sweeping.run(configs)
    assert {found.ended.reason for found in together} == {
        StopReason.COMPLETED,
        StopReason.EARLY_STOPPING,
        StopReason.DIVERGED,
    }
    for seconds, chosen in ((0.0, range(8)), (1e9, [3]), (1e9, [7, 6, 2]), (0.01, [5, 0, 6, 4, 1])):
        monkeypatch.setattr(sweeper, "CHUNK_SECONDS", seconds)
        monkeypatch.setattr(sweeper, "_worker_count", lambda _, few=not seconds: 1 if few else 2)
        for found, index in zip(sweeping.run([configs[i] for i in chosen]), chosen, strict=True):
            expected = together[index]
            assert_identical([found.train], [expected.train])
            assert np.array_equal(found.val, expected.val, equal_nan=True)
            assert found.ended.steps == expected.ended.steps
    for found, config in zip(together[:6:2], configs[:6:2], strict=True):
        losses = losses_of(list(train(config)))
        np.testing.assert_allclose(found.train, losses[0], rtol=1e-4)
        np.testing.assert_allclose(found.val, losses[1], rtol=1e-4)
    assert notes_of(configs) == ["network own: candidates train as a batch, through torch.func"]


def test_a_sweep_trains_them_one_by_one_where_it_must_and_says_why(tmp_path):
    for number, (body, reason) in enumerate(REASONS):
        presets = write(tmp_path / str(number), body)
        configs = [config_of(presets, seed=seed, steps=4, lr=1e-5) for seed in (1, 2)]
        (note,) = notes_of(configs)
        assert note.startswith("network own: each candidate takes its steps by itself, since")
        assert reason in note
        for found, config in zip(sweeping.run(configs), configs, strict=True):
            assert_identical([found.train, found.val], losses_of(list(train(config))))


def notes_of(configs):
    plan = sweeping.plan_of([msgspec.structs.replace(config, steps=2) for config in configs])
    return [event.words for event in sweeping.drive(plan) if isinstance(event, SweepNoted)]


async def test_the_app_shows_what_is_wrong_beside_the_network_and_what_an_init_sets(tmp_path):
    folder = tmp_path / "presets"
    write(folder, "print('read')\n" + GOOD["residual"])
    (folder / "broken.py").write_text("import torch\n\n\ndef build():\n    return nothing\n")
    (folder / "hangs.py").write_text("while True:\n    pass\n")
    with (folder / "architecture.toml").open("a") as presets:
        for name in ("broken", "hangs"):
            presets.write(f'[{name}]\ndescription = "d"\nbuilder = "{name}.py:build"\n')
    app = make_app(
        train, preview=preview, presets_folder=folder, architecture="own", init="he", steps=30
    )
    async with app.run_test(size=(200, 45)) as pilot:
        await shown(pilot, "sets 6 linear layers", "313 parameters")
        await press(pilot, "s")
        await shown(pilot, "✓ FINISHED")
        await press(pilot, "a")
        words = "broken.py line 5: NameError: name 'nothing'"
        await until(pilot, lambda: words in " ".join(form_text(app).split()))
        await press(pilot, "s")
        await shown(pilot, f"Failed: {words}")
        await press(pilot, "a", "s")
        await shown(pilot, "STARTING")
        await press(pilot, "x")
        await shown(pilot, "Failed: hangs.py")
        await press(pilot, "A", "A")  # nobody waits for the one that hangs any more
        await shown(pilot, "sets 6 linear layers")
        await press(pilot, "s")
        await shown(pilot, "✓ FINISHED")


def form_text(app):
    return " ".join(str(label.content) for label in app.cockpit.form.query(Static) if label.display)


def test_a_run_that_diverges_names_the_layer_as_its_code_does(tmp_path):
    presets = write(tmp_path, GOOD["partly"])
    for lr, name in ((1e30, "network output"), (1e38, "last weight")):
        *_, end = train(config_of(presets, lr=lr))
        assert end.reason is StopReason.DIVERGED
        assert end.detail.endswith(f"first bad tensor: {name}")
