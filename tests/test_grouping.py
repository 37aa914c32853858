"""Which metrics share a plot."""

import re

from tui_trainer.plotting.roles import Role
from tui_trainer.tui.monitor.grouping import chosen_plots, plots_of

SPLITS = (Role.TRAIN, Role.VALIDATION, Role.TEST)


def test_the_splits_of_a_metric_share_a_plot_however_they_are_written():
    for names in (
        ("train/loss", "val/loss", "test/loss"),
        ("train_loss", "validation_loss", "test_loss"),
        ("loss", "eval_loss", "test_loss"),
        ("loss/train", "loss/val", "loss/test"),
        ("Train.Loss", "Val.Loss", "Test.Loss"),
    ):
        for order in (names, names[::-1]):
            (plot,) = plots_of(order)
            assert [(m.name, m.role) for m in plot.members] == list(zip(names, SPLITS, strict=True))


def test_no_metric_is_lost_or_shown_twice_and_prefixes_stay_together():
    names = [
        "train/loss", "gen/loss", "val/loss", "disc/loss", "eval/loss", "loss", "gen/train/fid",
        "training", "val", "contest_score", "gen/val/fid", "/loss", "train/", "a\x1b[31m",
    ]  # fmt: skip
    plots = plots_of(names)
    assert sorted(m.name for plot in plots for m in plot.members) == sorted(names)
    prefixes = [plot.prefix for plot in plots]
    assert prefixes == sorted(prefixes, key=prefixes.index)
    assert all(plot.title.isprintable() for plot in plots)
    assert {m.name for m in plots[0].members} == {"train/loss", "val/loss"}
    assert [plot.key for plot in plots_of(["acc", "loss", "b/acc", "b/loss"])] == [
        "loss", "acc", "b/loss", "b/acc",
    ]  # fmt: skip


def test_a_plot_keeps_its_key_when_another_split_joins_and_pins_outlive_the_filter():
    alone, both = plots_of(["loss", "train_acc"]), plots_of(["loss", "train_acc", "val_acc"])
    assert [plot.key for plot in alone] == [plot.key for plot in both]
    assert (alone[1].title, both[1].title) == ("train_acc", "acc")
    found = chosen_plots(both, re.compile("^val"), ())
    assert [plot.key for plot in found] == ["acc"]
    assert [plot.key for plot in chosen_plots(both, re.compile("^val"), {"loss"})] == [
        "loss",
        "acc",
    ]
