"""How the layers fare, on the screen: the key, the rows, the words at every size."""

from scripted import Script, hidden, make_app, press, ready, shown, until

from tui_trainer.training.events import HealthMeasured, LayerHealth
from tui_trainer.training.state import State

LAYERS = (
    LayerHealth("layer 1", 0.42, 1e-3, "relu", 20, 3, 10),
    LayerHealth("layer 2", 1.2e-4, 1e-5, "relu", 20, 1, 20),
    LayerHealth("layer 3", 0.1, 1e-3, "relu", 20, 18, 40),
    LayerHealth("[b]x\x1b[31m", 3.0, 1e-3),
)
MEASURED = HealthMeasured(60, LAYERS, 0.002, 0.008)


async def test_g_asks_the_trainer_and_shows_the_layers_in_place_of_the_fit():
    script = Script(extra=[MEASURED])
    async with make_app(script).run_test(size=(160, 45)) as pilot:
        await ready(pilot)
        cockpit = pilot.app.cockpit
        await press(pilot, "g")
        await shown(pilot, "the layers are measured while a run trains", "g fit")
        await press(pilot, "s")
        await until(pilot, lambda: cockpit.state is State.RUNNING)
        control = script.calls[0][1]
        assert control.health_wanted
        await shown(
            pilot,
            "Health · step 60 · measuring costs 0.8%",
            "⚠ 18 of 20 units have not fired since step 40",
            "updates are 10^-5 of the weights: the lr could be larger",
            "[b]x",
        )
        assert cockpit.health_pane.region.area
        assert not cockpit.fit_pane.region.area
        await press(pilot, "k")
        await shown(pilot, "The fit is hidden: g shows it.")
        await press(pilot, "z", "z", "z")
        await until(pilot, lambda: cockpit.loss_pane.region.area > 0)
        await pilot.resize_terminal(80, 24)
        await shown(pilot, "layer 3: 18 of 20 units have not")
        await pilot.resize_terminal(40, 12)
        await shown(pilot, "⚠ 18 never fire")
        await press(pilot, "g")
        await hidden(pilot, "18 never fire")
        await shown(pilot, "Fit")
        assert not control.health_wanted
