"""In 16 colours, what colours tell apart is still told apart."""

from rich.color import Color
from rich.style import Style
from scripted import make_app, ready, until

from tui_trainer.plotting.roles import Role
from tui_trainer.tui.terminal.sixteen_colors import in_sixteen_colors
from tui_trainer.tui.widgets.looks import LOOKS


async def test_what_stands_in_one_plot_has_different_colours():
    async with make_app().run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        pane = pilot.app.cockpit.loss_pane
        back = Style(bgcolor=pane.background_colors[1].rich_color)

        def number(role):
            style = LOOKS[role].style(pilot.app.theme_variables, pane.background_colors[1])
            style = in_sixteen_colors(back + style)
            assert style.color.number != style.bgcolor.number
            return style.color.number

        for roles in (
            (Role.TRAIN, Role.VALIDATION, Role.BEST, Role.STOP, Role.BOUND),
            (Role.TRAIN_POINT, Role.VALIDATION_POINT, Role.MODEL, Role.AXIS),
            (Role.MEDIAN, Role.DIVERGED, Role.BEST, Role.SPREAD),
            (Role.TRAIN, Role.TRAIN_RAW, Role.VALIDATION, Role.VALIDATION_RAW),
        ):
            assert len({number(role) for role in roles}) == len(roles)
        hues = {Role.TRAIN: 4, Role.VALIDATION: 3, Role.MODEL: 2, Role.DIVERGED: 1}
        assert {role: number(role) % 8 for role in hues} == hues


async def test_a_pane_takes_the_colours_of_every_theme_at_once():
    async with make_app().run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        pane = pilot.app.cockpit.fit_pane

        def takes_them():
            look = LOOKS[Role.MODEL].style(pilot.app.theme_variables, pane.background_colors[1])
            return any(part.style.color == look.color for line in pane._lines for part in line
                       if part.style is not None and part.text.strip())  # fmt: skip

        for name in pilot.app.available_themes:
            pilot.app.theme = name
            await until(pilot, takes_them)


def test_what_is_reversed_is_of_one_piece():
    words = [f"bold reverse {color} on #121212" for color in ("#ffa62b", "#e0e0e0", "#777777")]
    assert len({in_sixteen_colors(Style.parse(word)) for word in words}) == 1


def test_a_text_never_has_the_colour_of_its_background():
    levels = (0, 60, 120, 180, 255)
    colors = [Color.from_rgb(r, g, b) for r in levels for g in levels for b in levels]
    for text in colors:
        for back in colors:
            style = in_sixteen_colors(Style(color=text, bgcolor=back, bold=True))
            assert style.color.number != style.bgcolor.number
            assert style.bold
            assert max(style.color.number, style.bgcolor.number) < 16
