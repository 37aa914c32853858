"""A sweep's losses as a plot: over the values of one axis, or in rows where they are names."""

from tui_trainer.console.run import Style, styled
from tui_trainer.formatting import distinct, printable
from tui_trainer.plotting.canvas import draw
from tui_trainer.plotting.legend import sign
from tui_trainer.plotting.race import race_bar, race_scale, tick_line
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.plotting.scales import Scale
from tui_trainer.plotting.sweep_chart import sweep_chart
from tui_trainer.sweeps.axes import Spacing, value_text
from tui_trainer.sweeps.plan import Point, Sweep
from tui_trainer.sweeps.recommendation import Recommendation, recommend, verdict_text
from tui_trainer.sweeps.result import PointResult, SweepResult, median_text

MOST_ROWS = 40
_LEAST_BAR = 12


def is_in_rows(sweep: Sweep) -> bool:
    """Return whether a sweep has names or several axes, and so no scale to stand on."""
    axes = sweep.axes[:-1] if sweep.is_tuned else sweep.axes
    return len(axes) > 1 or axes[0].spacing is Spacing.NAMES


def point_name(point: Point) -> str:
    """Write a point without its axes: ``kaiming, none``, or ``kaiming · lr 0.01`` where tuned."""
    if point.tuned is None:
        return ", ".join(map(value_text, point.values))
    names = ", ".join(map(value_text, point.values[:-1]))
    return f"{names} · {point.tuned.key} {value_text(point.tuned.number)}"


def plot(results: SweepResult, width: int, charset: Charset, style: Style) -> str:
    """Plot a sweep `width` cells wide, with a legend; `style` colours a string by its role."""
    found, sweep = recommend(results), results.sweep
    points = results.ranked()[:MOST_ROWS] if is_in_rows(sweep) else results.points()
    names = [(Role.MEDIAN, "median")]
    names += [(Role.BEST, "recommended")] if found else []
    names += [(Role.DIVERGED, "diverged")] if any(p.diverged_share for p in points) else []
    legend = "  ".join(style(f"{sign(role, charset)} {name}", role) for role, name in names)
    if is_in_rows(sweep):
        scale, lines = _rows(sweep, points, found, width, charset, style)
    else:
        height = max(8, min(20, width // 5))
        leader = found.point.index if found else None
        chart = sweep_chart(sweep.axes[0], points, width, height, leader=leader)
        scale, lines = chart.y, [styled(draw(chart, width, height, charset), style)]
    over = ", ".join(axis.key for axis in sweep.axes)
    if sweep.is_tuned:
        over = over.replace(f", {sweep.axes[-1].key}", f", each at its best {sweep.axes[-1].key}")
    seeds = f", {sweep.seeds} seeds" if sweep.seeds > 1 else ""
    title = f"{sweep.objective.capitalize()} validation loss by {over}{seeds}{', log' * scale.log}"
    return "\n".join([f"{title}:  {legend}", *lines])


def _rows(
    sweep: Sweep,
    points: list[PointResult],
    found: Recommendation | None,
    width: int,
    charset: Charset,
    style: Style,
) -> tuple[Scale, list[str]]:
    texts = [printable(point_name(point.point)) for point in points]
    names = distinct(texts, max(9, width // 3))
    name_room = max(map(len, names))
    medians = [median_text(point.objective.median) for point in points]
    median_room = max(map(len, medians))
    verdicts = [verdict_text(point, found) for point in points]
    room = width - name_room - median_room - 6
    if room - max(map(len, verdicts)) < _LEAST_BAR:
        verdicts = [verdict_text(point, found, figures=False) for point in points]
    columns = max(_LEAST_BAR, room - max(map(len, verdicts)))
    scale = race_scale(points, columns)
    lines = []
    for point, name, median, verdict in zip(points, names, medians, verdicts, strict=True):
        leads = found is not None and found.point == point.point
        parts = race_bar(point, scale, columns, charset, leads=leads)
        bar = "".join(style(text, role) for text, role in parts)
        words = style(verdict, Role.BEST) if leads else verdict
        lines.append(f"{name:<{name_room}}  {median:<{median_room}}  {bar}  {words}".rstrip())
    ticks = " " * (name_room + median_room + 4) + tick_line(scale, columns)
    return scale, [*lines, style(ticks.rstrip(), Role.AXIS)]
