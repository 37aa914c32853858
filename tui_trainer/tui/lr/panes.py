"""A search for a learning rate: both losses over it, and both answers in words."""

from textual.content import Content
from textual.widgets import Static

from tui_trainer.formatting import number_text, printable
from tui_trainer.lr_search.result import LrSearchResult
from tui_trainer.plotting.chart import Chart
from tui_trainer.plotting.lr_chart import lr_chart
from tui_trainer.plotting.readings import lr_reader
from tui_trainer.plotting.roles import Role
from tui_trainer.tui.lr.wording import answers
from tui_trainer.tui.widgets.plot_pane import PlotPane

_LOOKS = {"╎": "$text-accent", "◆": "$text-success", "◌": "$text-warning", "≠": "$text-warning"}


class LrPane(PlotPane):
    """The range test's smoothed training loss, the trials' final validation loss, both answers."""

    def put(self, result: LrSearchResult) -> None:
        """Show a search."""
        if result.curve is None:
            ended = result.found is not None
            self.blank("no step was run" if ended else "starting…", "Loss by lr")
            return

        def make_chart(width: int, height: int) -> Chart:
            return lr_chart(result, width, height, view=self.view)

        losses = (": training loss", ": validation loss") if self.size.width >= 100 else ("", "")
        legend = [(Role.TRAIN, f"range test{losses[0]}"), (Role.VALIDATION, f"trials{losses[1]}")]
        if result.batched_suggestion is not None:
            legend.append((Role.BEST, number_text(result.batched_suggestion)))
        if result.range_suggestion is not None:
            legend.append((Role.LR, number_text(result.range_suggestion)))
        self.plot(make_chart, "Loss by lr", legend, reader=lr_reader(result))


class LrAnswers(Static):
    """Both suggestions in words, a paragraph each."""

    DEFAULT_CSS = """
    LrAnswers {
        border: round $foreground 35%;
        border-title-style: bold;
        border-title-color: $foreground;
        padding: 0 1;
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.border_title = "Answers"
        self._shown: tuple[tuple[str, str, str], ...] = ()

    def put(self, result: LrSearchResult, start: str) -> None:
        """Show a search's answers so far; `start` is the key that searches again."""
        shown = tuple(answers(result, self.size.width, start))
        if shown != self._shown:
            self._shown = shown
            self.update(Content("\n").join(map(self._paragraph, shown)))

    @staticmethod
    def _paragraph(answer: tuple[str, str, str]) -> Content:
        sign, name, words = answer
        return Content.assemble((f"{sign} {name:<13} ", f"bold {_LOOKS[sign]}"), printable(words))
