"""A search for a learning rate: the range test's loss and the trials' over the same log axis."""

import numpy as np

from tui_trainer.lr_search.events import LrCurve, LrTrials
from tui_trainer.lr_search.plan import HIGH, LOW
from tui_trainer.lr_search.range_suggestion import EXPLODED
from tui_trainer.lr_search.result import LrSearchResult
from tui_trainer.plotting.chart import Chart, Curve, Dash, Layer, Scatter, Values, VerticalLine
from tui_trainer.plotting.roles import Role
from tui_trainer.plotting.row_scales import loss_scale
from tui_trainer.plotting.scales import log_part, log_scale
from tui_trainer.plotting.view import ALL, View

_COLUMNS_A_TICK = 10


def lr_chart(results: LrSearchResult, width: int, height: int, *, view: View = ALL) -> Chart:
    """Chart what a search has found so far for a plot of ``width × height`` cells.

    Over the learning rate it shows the smoothed training loss of the range test (TRAIN), the final
    validation loss of each trial that has not diverged (VALIDATION), a line at the range test's
    suggestion (LR) and a mark on the trials' (BEST). The x axis covers the whole search from the
    start.
    """
    span = results.search.range if results.search is not None else None
    low, high = (span.low, span.high) if span is not None else (LOW, HIGH)
    ticks = max(2, width // _COLUMNS_A_TICK)
    whole = log_scale(low, high, ticks)
    part = view.within((whole.low, whole.high))
    x = whole if part is None else log_part(*part, ticks)
    smoothed = _smoothed(results.curve)
    trials = _final(results.trials)
    layers: list[Layer] = []
    if results.range_suggestion is not None:
        layers.append(VerticalLine(Role.LR, results.range_suggestion, "╎", ":"))
    layers.append(Curve(Role.TRAIN, *smoothed, smoothed[1], Dash.SOLID, "*"))
    layers.append(Curve(Role.VALIDATION, *trials, trials[1], Dash.DASHED, "x"))
    if results.batched_suggestion is not None:
        chosen = trials[0] == results.batched_suggestion
        layers.append(Scatter(Role.BEST, trials[0][chosen], trials[1][chosen], "◆", "@"))
    shown = _shown(*(losses[x.holds(lrs)] for lrs, losses in (smoothed, trials)))
    return Chart(x, loss_scale(shown, height), tuple(layers), whole, (low, high))


def _smoothed(curve: LrCurve | None) -> tuple[Values, Values]:
    return (np.empty(0), np.empty(0)) if curve is None else (curve.lrs, curve.smoothed)


def _final(trials: LrTrials | None) -> tuple[Values, Values]:
    """Return the trials' final losses; those that diverged leave a gap."""
    if trials is None:
        return np.empty(0), np.empty(0)
    return trials.lrs, np.where(trials.diverged, np.nan, trials.final_val_loss)


def _shown(smoothed: Values, trials: Values) -> Values:
    """Return the losses to show; a trial about to diverge may leave the plot, not flatten it."""
    if np.isfinite(smoothed).any():
        trials = trials[trials <= EXPLODED * np.nanmax(smoothed)]
    return np.concatenate([smoothed, trials])
