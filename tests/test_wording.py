"""What the screen says of a run."""

import pytest
from scripted import DIVERGED, EARLY, FAILED, FINISHED, ended, fit, started, steps

from tui_trainer.config.presets import load_presets, make_config
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import LrChanged, NotLearning, Paused, Resumed
from tui_trainer.training.result import RunResult
from tui_trainer.training.state import State
from tui_trainer.tui.keys import key_texts
from tui_trainer.tui.run.next_lr import next_lr
from tui_trainer.tui.run.wording import banner_text, run_badge, status_text
from tui_trainer.tui.wording import BADGES, progress_bar

STOPPED = "Stopped early at step 100: validation 5.42 exceeded 5.41, the mean of its last 50 steps."
BROKEN = "Train loss is not finite at step 100. First bad tensor: layer 5 weights."
KEYS = key_texts({})
CONFIG = make_config(load_presets(), "kaiming")


def result_of(*events):
    result = RunResult(CONFIG)
    for event in (started(CONFIG), *events):
        result.apply(event)
    return result


def test_a_result_goes_through_the_states():
    result = RunResult(CONFIG)
    seen = [result.state]
    for event in (started(CONFIG), steps(1, 5), Paused(5), Resumed(5), FINISHED):
        result.apply(event)
        seen.append(result.state)
    assert seen == [
        State.STARTING, State.RUNNING, State.RUNNING, State.PAUSED, State.RUNNING, State.FINISHED,
    ]  # fmt: skip


def test_a_result_keeps_every_step_and_lr_change():
    result = result_of(steps(1, 5), LrChanged(6, 0.5), steps(6, 9), LrChanged(10, 0.2))
    assert result.step == 9
    assert result.lr == 0.2
    assert result.marks.lr_changes == (6, 10)
    assert result.marks.stop_step is None


def test_the_best_fit_falls_back_on_the_last():
    result = result_of(fit(3))
    assert result.fit(best=True).step == 3
    result.apply(fit(2, "best"))
    assert result.fit(best=True).step == 2
    assert result.fit(best=False).step == 3


def test_every_state_has_a_sign_of_its_own():
    assert set(BADGES) == set(State)
    assert len({symbol for symbol, _ in BADGES.values()}) == len(BADGES)


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (EARLY, f"■ {STOPPED} Best 2.20 at step 100. k shows the best weights."),
        (DIVERGED, f"✕ {BROKEN} Best 2.20 at step 99. Try a smaller lr: press [."),
        (FINISHED, "✓ Finished 100 steps. Best 2.20 at step 100."),
        (FAILED, "⚠ Failed: out of memory on cuda:0 (asked for 2.1 GiB)"),
        (ended(StopReason.STOPPED, "stopped by hand at step 7"), "□ Stopped by hand at step 7."),
    ],
)  # fmt: skip
def test_banners(last, words):
    assert banner_text(result_of(last), 120, KEYS) == words


def test_after_a_restored_best_the_last_weights_are_the_others():
    last = ended(StopReason.EARLY_STOPPING, "stopped early at step 9: so", restored=True)
    assert "k shows the last weights" in banner_text(result_of(last), 120, KEYS)


def test_a_narrow_banner_says_the_main_thing():
    words = "■ Stopped early at step 100: validation 5.42 exceeded 5.41."
    assert banner_text(result_of(EARLY), 40, KEYS) == words


def test_a_network_that_cant_learn_is_told_while_and_after_training():
    dead = NotLearning(2, 2, "every unit of layer 2 is off")
    words = "no gradient reaches layer 2: every unit of layer 2 is off"
    assert words in banner_text(result_of(dead), 120, KEYS)
    finished = result_of(dead, FINISHED)
    assert words in banner_text(finished, 120, KEYS)
    assert words in banner_text(finished, 40, KEYS)
    assert "press i" in banner_text(finished, 120, KEYS)
    assert run_badge(finished) == "◌ DID NOT LEARN"


def test_banners_name_the_keys_of_the_user():
    keys = key_texts(
        {"best": "f1", "lr_down": "f2", "init_next": "f3", "pause": "f4", "step": "f5"}
    )
    dead = NotLearning(2, 2, "so")
    for events, named in (
        ([EARLY], "f1 shows"), ([DIVERGED], "press f2"), ([dead], "press f3"),
        ([dead, FINISHED], "press f3"), ([Paused(3)], "f4 resumes, f5 runs"),
    ):  # fmt: skip
        assert named in banner_text(result_of(*events), 120, keys)


def test_all_is_well_needs_no_banner():
    assert banner_text(result_of(steps(1, 3)), 120, KEYS) == ""


@pytest.mark.parametrize("width", [40, 60, 80, 99, 100, 120, 160])
def test_the_line_of_state_fits(width):
    assert len(status_text(result_of(steps(1, 4999)), CONFIG, width).rstrip()) <= width
    assert len(status_text(None, CONFIG, width).rstrip()) <= width


def test_a_long_runs_line_of_state_has_its_pace_best_and_lr_on_80_columns():
    config = make_config(load_presets(), "kaiming", steps=1_000_000)
    result = RunResult(config)
    result.apply(started(config))
    result.apply(steps(1, 4999))
    line = status_text(result, config, 80)
    for text in ("4,999/1,000,000", "2,000/s", "train", "val", "best", "lr"):
        assert text in line


@pytest.mark.parametrize("batch_size", [None, 64])
def test_no_number_of_the_line_of_state_is_ever_cut(batch_size):
    config = make_config(load_presets(), "kaiming", steps=1_000_000_000, batch_size=batch_size)
    result = RunResult(config)
    result.apply(started(config))
    result.apply(steps(1, 4999))
    line = status_text(result, config, 200)
    assert ("epoch       1,250/250,000,000 " in line) is (batch_size is not None)
    whole = set(line.split()) | {"2,000/s"}
    for width in range(200):
        words = status_text(result, config, width).split()
        assert len(" ".join(words)) <= width
        assert {word for word in words if word[0].isdigit()} <= whole


@pytest.mark.parametrize(
    ("share", "bar"),
    [
        (0, "▕░░░░▏"),
        (0.5, "▕██░░▏"),
        (0.999, "▕███░▏"),
        (1, "▕████▏"),
        (7, "▕████▏"),
        (-1, "▕░░░░▏"),
    ],
)
def test_bars_stay_in_their_edges(share, bar):
    assert progress_bar(share, 4) == bar


@pytest.mark.parametrize(
    ("lr", "up", "down"),
    [
        (0.01, 0.02, 0.005),
        (0.003, 0.005, 0.002),
        (0.1, 0.2, 0.05),
        (0.00001, 0.00002, 0.000005),
        (1, 2, 0.5),
        (0.07, 0.1, 0.05),
        (1e6, 1e6, 5e5),
        (1e-12, 2e-12, 1e-12),
    ],
)
def test_learning_rates_of_the_1_2_5_series(lr, up, down):
    assert next_lr(lr, 1) == up
    assert next_lr(lr, -1) == down


@pytest.mark.parametrize("home", [0.003, 0.01, 7.5e-9, 1e6, 1e-12])
def test_the_way_back_leads_to_the_learning_rate_one_came_from(home):
    for direction in (-1, 1):
        lr = home
        for _ in range(3):
            lr = next_lr(lr, direction, home)
        for _ in range(3):
            if lr != home:  # the ends of the series stay
                lr = next_lr(lr, -direction, home)
        assert lr == home
