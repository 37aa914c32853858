"""Axes, ticks and labels as plotext draws them. The only module that knows plotext.

It keeps to plotext's public functions, which share one figure: draw from one thread.
"""

import plotext

from tui_trainer.plotting.scales import Scale


def draw_axes(x: Scale, y: Scale, width: int, height: int) -> list[str]:
    """Return `height` rows of `width` characters, the top one first, with nothing between the axes.

    plotext sees places from 0 to 1 and never the data: it breaks on what training produces (inf, an
    empty series, 0 on a log axis).
    """
    plotext.clear_figure()
    plotext.limit_size(False, False)  # by the terminal's size, that is
    plotext.plot_size(width, height)
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    plotext.xlim(0.0, 1.0)
    plotext.ylim(0.0, 1.0)
    for scale, set_ticks in ((x, plotext.xticks), (y, plotext.yticks)):
        span = scale.high - scale.low
        places = [(tick - scale.low) / span for tick, _ in scale.ticks]
        set_ticks(places, [label for _, label in scale.ticks])
    plotext.scatter([0.0, 1.0], [0.0, 1.0], marker=" ")  # there are no axes without data
    rows: list[str] = plotext.uncolorize(plotext.build()).splitlines()
    return rows
