"""Which plots of a loop are shown: page by page, one alone, found by a filter, pinned."""

import random
import re
from itertools import product

from tui_trainer.monitor.events import bound_name
from tui_trainer.tui.monitor.paging import Paging


def paging_of(count, room):
    paging = Paging(lambda plots: min(plots, room))
    names = [f"metric {number:02}" for number in range(count)]
    paging.learn([*names, *(bound_name(name) for name in names)])
    assert [plot.key for plot in paging.all] == names  # bounds have no plots of their own
    return paging


def test_pages_lead_through_all_plots_both_ways_and_zoom_through_each_of_them():
    for count, room, direction in product(range(1, 13), range(1, 6), (1, -1)):
        paging = paging_of(count, room)
        first, pages = paging.page, -(-count // room)
        seen = []
        for _ in range(pages):
            assert len(paging.page) == min(count, room)
            seen += paging.page
            paging.turn(direction)
        assert paging.page == first
        assert set(seen) == set(paging.all)
        paging.zoom(paging.all[0 if direction > 0 else -1])
        alone = []
        while paging.is_zoomed:
            alone += paging.page
            paging.turn(direction)
        assert alone == paging.all[::direction]


def test_whatever_is_asked_for_a_page_is_a_part_of_what_is_found_with_pins_in_front():
    draw = random.Random(0)
    paging = paging_of(0, 3)
    assert paging.page == paging.found == []
    patterns = (None, re.compile("[13]$"), re.compile("no such name"))
    for number in range(2_000):
        match draw.randrange(6):
            case 0:
                paging.learn(f"metric {n:02}" for n in range(1 + number // 200))
            case 1:
                paging.filter(draw.choice(patterns))
            case 2:
                paging.turn(draw.choice((1, -1)))
            case 3:
                paging.zoom(draw.choice([*paging.all, None]))
            case 4:
                paging.zoom_next(draw.choice((1, -1)))
            case 5 if paging.all:
                paging.pin(draw.choice(paging.all))
        found, page = paging.found, paging.page
        keys = [plot.key for plot in found]
        assert set(keys[: len(paging.pinned)]) == paging.pinned
        assert all(paging.pattern is None or plot.matches(paging.pattern)
                   for plot in found[len(paging.pinned) :])  # fmt: skip
        assert bool(page) == bool(found)
        place = found.index(page[0]) if page else 0
        assert page == found[place : place + len(page)]
        assert len(page) in (1, min(3, len(found)))
