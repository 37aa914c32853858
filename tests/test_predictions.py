"""Predicted against actual, and residuals: in the chart, under the cursor, in the app."""

import math
import re
from dataclasses import replace
from functools import partial

import data_files
import numpy as np
import scripted
from scripted import hidden, make_app, press, ready, shown, until

from tui_trainer.cli.wiring import preview, train_events
from tui_trainer.console.run import plots
from tui_trainer.formatting import to_ascii
from tui_trainer.plotting.canvas import draw
from tui_trainer.plotting.chart import Curve, Scatter
from tui_trainer.plotting.prediction_chart import prediction_chart, residual_chart
from tui_trainer.plotting.readings import prediction_reader, residual_reader
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.plotting.view import View
from tui_trainer.training.events import FitSampled, Predictions
from tui_trainer.tui.headless import screen_text

CHARTS = (prediction_chart, residual_chart)


def split(count, seed, noise=5.0):
    draws = np.random.default_rng(seed)
    actual = np.sort(draws.normal(150, 40, count)).astype(np.float32)
    return Predictions(actual, (actual + draws.normal(0, noise, count)).astype(np.float32))


def fit(train, val):
    return FitSampled(3, "last", val.actual, val.predicted, {"val_r2": 0.5}, train, val)


FIT = fit(split(200, 1), split(50, 2))


def points(chart, role):
    return [layer for layer in chart.layers if isinstance(layer, Scatter) and layer.role is role]


def test_every_point_of_both_splits_is_in_both_charts():
    for role, found in ((Role.TRAIN_POINT, FIT.train), (Role.VALIDATION_POINT, FIT.val)):
        (beside,) = points(prediction_chart(FIT, 80, 20), role)
        assert np.array_equal(beside.x, found.actual)
        assert np.array_equal(beside.y, found.predicted)
        (off,) = points(residual_chart(FIT, 80, 20), role)
        assert np.array_equal(off.x, found.predicted)
        np.testing.assert_allclose(off.y, found.predicted - found.actual)
    for make in CHARTS:
        for layer in (chart := make(FIT, 80, 20)).layers:
            assert chart.x.holds(layer.x).all()
        reached = [layer.x for layer in chart.layers if isinstance(layer, Scatter)]
        assert chart.extent == (np.concatenate(reached).min(), np.concatenate(reached).max())
        (line,) = [layer for layer in chart.layers if isinstance(layer, Curve)]
        expected = line.x if make is prediction_chart else np.zeros(2)
        assert np.array_equal(line.low, expected)
        assert chart.layers[-1] is line


def test_both_splits_differ_by_their_signs_too():
    for charset in Charset:
        for make in CHARTS:
            shapes = {
                role: {
                    cell
                    for row in draw(make(only, 60, 15), 60, 15, charset).rows
                    for span in row
                    if span.role is role
                    for cell in span.text
                }
                for role, only in (
                    (Role.TRAIN_POINT, fit(split(9, 3), split(2, 4))),
                    (Role.VALIDATION_POINT, fit(split(2, 3), split(9, 4))),
                )
            }
            assert not shapes[Role.TRAIN_POINT] & shapes[Role.VALIDATION_POINT]


def test_what_is_far_off_is_an_arrow_at_the_edge_and_flattens_nothing():
    usual = prediction_chart(FIT, 80, 20)
    for wrong, arrow in ((1e6, "▲"), (-1e6, "▼"), (math.inf, "▲")):
        predicted = FIT.val.predicted.copy()
        predicted[7] = wrong
        broken = replace(FIT, val=Predictions(FIT.val.actual, predicted))
        for make in CHARTS:
            chart = make(broken, 80, 20)
            assert chart.y.high - chart.y.low < 4 * (usual.y.high - usual.y.low)
            plain, beyond = points(chart, Role.VALIDATION_POINT)
            assert (len(plain.x), len(beyond.x), beyond.marker) == (49, 1, arrow)
            assert arrow in draw(chart, 80, 20).text


def test_no_prediction_breaks_a_chart():
    for values in (math.nan, math.inf, -math.inf, 3e38, -3e38, 0.0):
        predicted = np.full(50, values, np.float32)
        for train in (None, FIT.train, Predictions(FIT.val.actual, predicted)):
            for val in (None, Predictions(FIT.val.actual, predicted)):
                broken = FitSampled(3, "last", FIT.val.actual, predicted, {}, train, val)
                for make, width, height in ((m, *s) for m in CHARTS for s in ((80, 20), (12, 3))):
                    assert draw(make(broken, width, height), width, height).width == width
    one = Predictions(np.float32([4]), np.float32([4]))
    for make in CHARTS:
        assert draw(make(fit(one, one), 60, 20), 60, 20).text.strip()


def test_an_axis_stands_still_while_predictions_get_better():
    scales = set()
    for noise in np.linspace(12, 3, 40):
        better = fit(split(200, 1, noise), split(50, 2, noise))
        scales.add(prediction_chart(better, 80, 20).y)
    assert len(scales) <= 3


def test_a_part_of_x_and_the_cursor_are_exact():
    part = (120.0, 140.0)
    for make, reader, verb in (
        (prediction_chart, prediction_reader(FIT), "predicted"),
        (residual_chart, residual_reader(FIT), "off by"),
    ):
        chart = make(FIT, 80, 20, view=View(part))
        assert (chart.x.low, chart.x.high) == part
        residual = make is residual_chart
        xs = FIT.val.predicted if residual else FIT.val.actual
        near = int(np.abs(xs - 130).argmin())
        y = FIT.val.predicted[near] - (FIT.val.actual[near] if residual else 0)
        axis, train, validation = (reading.text for reading in reader.read(130.0))
        assert axis == f"{'predicted' if residual else 'actual'} 130"
        assert train.startswith(f"train {verb} ")
        sign = "-" if y < 0 else ""
        assert validation.startswith(f"validation {verb} {sign}{abs(y):.3g}"[:22])
        assert validation.endswith(f" at {xs[near]:.0f}")


def energy(tmp_path, **settings):
    """A file of three features as a data set preset."""
    file = data_files.write(tmp_path / "energy.csv", data_files.columns(80))
    lines = [f'[energy]\ndescription = "a grid"\nfile = "{file}"\ntarget = "load"']
    lines += [f"{key} = {value}" for key, value in settings.items()]
    (tmp_path / "presets").mkdir(exist_ok=True)
    (tmp_path / "presets" / "dataset.toml").write_text("\n".join(lines))
    return tmp_path / "presets"


def trained_app(folder, **options):
    return make_app(
        partial(train_events, root=None),
        "kaiming",
        preview=preview,
        presets_folder=folder,
        dataset="energy",
        steps=25,
        engine="eager",
        **options,
    )


async def finished(pilot):
    await ready(pilot)
    await press(pilot, "s")
    await until(pilot, lambda: pilot.app.cockpit.run and pilot.app.cockpit.is_idle)


async def test_the_fit_of_a_file_is_predicted_against_actual_and_a_key_shows_residuals(tmp_path):
    folder = energy(tmp_path)
    for charset, drawn in ((Charset.UNICODE, str), (Charset.ASCII, to_ascii)):

        async def seen(*texts, drawn=drawn):
            await shown(pilot, *map(drawn, texts))

        app = trained_app(folder, charset=charset)
        async with app.run_test(size=(120, 34)) as pilot:
            await finished(pilot)
            await seen("Predicted against actual load · step 25", "actual load", "exact")
            metrics = app.cockpit.run.final_fit.metrics
            r2, rmse = f"{metrics['val_r2']:.3f}", f"{metrics['val_rmse']:.2f}"
            await seen(f"validation R² {r2}, RMSE {rmse}", "train R²")
            printed = plots(app.cockpit.run, 80, charset, lambda text, role: text)
            assert "Predicted against actual after step 25" in printed
            app.cockpit.fit_pane.focus()
            await press(pilot, "right")
            await seen("━ actual 49,", " at 49,")
            await press(pilot, "plus", "y")
            await seen("Residuals of load · step 25", "predicted load", f"R² {r2}")
            assert app.cockpit.fit_pane.cursor is None
            assert app.cockpit.fit_pane.view == View()
            await press(pilot, "right")
            await seen("━ predicted 49,", "· val ")
            await press(pilot, "escape")
            await pilot.resize_terminal(40, 12)
            await press(pilot, "z")
            await seen("Residuals · step 25", "RMSE")
            await press(pilot, "y")
            await seen("Predicted · step 25")


async def test_one_feature_of_a_file_is_a_curve_with_names_and_has_residuals_too(tmp_path):
    app = trained_app(energy(tmp_path, feature_names='["a"]'))
    async with app.run_test(size=(240, 34)) as pilot:
        await ready(pilot)
        await shown(pilot, "Fit of load · untrained", "y residuals")
        await finished(pilot)
        await shown(pilot, "Fit of load · step 25")
        assert re.search(r"\ba\b", app.cockpit.fit_pane.text.splitlines()[-2])
        await press(pilot, "y")
        await shown(pilot, "Residuals of load")
        await press(pilot, "y")
        await hidden(pilot, "Residuals of load")


async def test_without_another_look_the_key_says_so():
    def fails(config):
        raise ValueError("no data")

    def old(config):
        found = scripted.preview(config)
        return replace(found, fit=replace(found.fit, train=None, val=None))

    for answer, reason in (
        (fails, "There is no fit to show in another way yet."),
        (old, "Of this run's fit nothing but the curve is kept."),
    ):
        async with make_app(preview=answer).run_test(size=(240, 45)) as pilot:
            await ready(pilot)
            await press(pilot, "y")
            await shown(pilot, reason)
            assert "y residuals" not in screen_text(pilot.app)
