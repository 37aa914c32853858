"""A search for a learning rate: both losses over it, and both answers in words."""

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from tui_trainer.formatting import number_text
from tui_trainer.lr_search.result import LrSearchResult
from tui_trainer.plotting.roles import Role
from tui_trainer.tui.lr.wording import answers
from tui_trainer.tui.widgets.framed import Part
from tui_trainer.tui.widgets.plot_pane import PlotPane

if TYPE_CHECKING:
    from tui_trainer.plotting.chart import Chart

_LOOKS = {"╎": "$text-accent", "◆": "$text-success", "◌": "$text-warning", "≠": "$text-warning"}


class LrPane(PlotPane):
    """The range test's smoothed training loss, the trials' best validation loss, both answers."""

    def put(self, view: LrSearchResult) -> None:
        """Show a search."""
        results = view
        if results.curve is None:
            ended = results.found is not None
            self.blank("no step was taken" if ended else "starting…", (("Loss by lr", "title"),))
            return

        def make_chart(width: int, height: int) -> "Chart":
            from tui_trainer.plotting.lr_chart import lr_chart

            return lr_chart(results, width, height)

        def make_title(chart: "Chart") -> tuple[Part, ...]:
            return ((f"Loss by lr{self.scale_note}  ", "title"), *self._legend(view))

        self.plot(make_chart, make_title)

    def _legend(self, view: LrSearchResult) -> tuple[Part, ...]:
        results, wide = view, self.size.width >= 100
        losses = (": training loss", ": validation loss") if wide else ("", "")
        parts = [(Role.TRAIN, f"range test{losses[0]}"), (Role.VALIDATION, f"trials{losses[1]}")]
        if results.batched_suggestion is not None:
            parts.append((Role.BEST, number_text(results.batched_suggestion)))
        if results.range_suggestion is not None:
            parts.append((Role.LR, number_text(results.range_suggestion)))
        return self.legend(*parts)


class LrAnswers(Static):
    """What both ways say, a paragraph each."""

    DEFAULT_CSS = """
    LrAnswers {
        border: round $foreground 35%;
        border-title-style: bold;
        border-title-color: $foreground;
        padding: 0 1;
    }
    """

    def __init__(self, *, id: str, classes: str) -> None:
        super().__init__(id=id, classes=classes)
        self.border_title = "Answers"
        self._shown: tuple[tuple[str, str, str], ...] = ()

    def put(self, view: LrSearchResult) -> None:
        """Show a search's answers so far."""
        shown = tuple(answers(view, self.size.width))
        if shown != self._shown:
            self._shown = shown
            self.update(Content("\n").join(map(self._paragraph, shown)))

    @staticmethod
    def _paragraph(answer: tuple[str, str, str]) -> Content:
        sign, name, words = answer
        return Content.assemble((f"{sign} {name:<13} ", f"bold {_LOOKS[sign]}"), words)
