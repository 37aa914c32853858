"""Which of a loop's parts show beside the plots, or over them, in large and small terminals."""

import random
from itertools import product

from tui_trainer.tui.monitor.parts import OpenParts

PARTS = ("metrics", "output", "health")


def test_what_was_opened_last_is_seen_and_all_of_it_where_there_is_room():
    draw = random.Random(0)
    parts, opened = OpenParts(), []
    for _ in range(200):
        part = draw.choice(PARTS)
        opened = [other for other in opened if other != part]
        if draw.random() < 0.6:
            parts.open(part)
            opened.append(part)
        else:
            parts.close(part)
        assert parts.top == (opened[-1] if opened else None)
        for beside, below in product((True, False), repeat=2):
            layout = parts.layout(beside=beside, below=below)
            shown = {part for part in PARTS if getattr(layout, part)}
            assert shown <= set(opened)
            assert not opened or opened[-1] in shown
            over = {"health", *["metrics"] * (not beside), *["output"] * (not below)}
            assert layout.plots == (not shown & over)
            if beside and below:
                assert shown == set(opened)
