"""Progress on stderr: it waits for nobody, and the newest bar replaces what nobody could read."""

import contextlib
import fcntl
import io
import os
import sys

import pytest

from tui_trainer.console import progress
from tui_trainer.console.progress import Mailbox, last_drawing, progress_bar


@pytest.fixture
def full_pipe():
    """A pipe that takes nothing more, and how much it holds."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETFL, os.O_NONBLOCK)
    held = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            held += os.write(write, b"x" * 512)
    fcntl.fcntl(write, fcntl.F_SETFL, 0)
    with open(write, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor
        yield read, stream, held
    os.close(read)


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("a line", "a line"),
        ("\r 1%", "\r 1%"),
        ("\r 1% slow\r 2%", "\r 2%     "),
        ("before\r 1%", "\r 1%   "),
        ("\r 1%\r   \r", "\r   \r"),
        ("\r    \ra line", "\ra line"),
        ("\r      \rline", "\rline  "),
    ],
)
def test_what_is_drawn_over_is_omitted_and_still_covered(line, seen):
    assert last_drawing(line) == seen


def test_a_bar_that_nobody_reads_waits_for_nothing_and_shows_the_newest(full_pipe, monkeypatch):
    _, stream, held = full_pipe
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "END_SECONDS", 0.0)
    with progress_bar(total=10_000, mininterval=0, miniters=1) as (bar, note):
        for step in range(10_000):
            bar.update()
            if step in (3000, 6000):
                note(f"note {step}")
        unread = bar.fp._text
    shown = unread.split("\n")
    assert [line.strip() for line in shown[-3:-1]] == ["note 3000", "note 6000"]
    assert "10000/10000" in shown[-1]
    assert len(unread) < 1000 < held


def test_all_is_written_once_it_can_be(full_pipe):
    read, stream, held = full_pipe
    mailbox = Mailbox(stream)
    for text in ("one\n", "\r 1%", "\r 2%", "\r 3%\n", "two\n"):
        mailbox.write(text)
    with os.fdopen(os.dup(read), "rb") as reader:
        assert reader.read(held) == b"x" * held
        mailbox.close()
        stream.close()
        shown = reader.read().decode()
    for drawing in ("\r 1%", "\r 2%"):  # whether the thread had taken them already
        shown = shown.replace(drawing, "")
    assert shown == "one\n\r 3%\ntwo\n"


def test_what_can_not_be_written_is_lost_without_a_word(monkeypatch):
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", encoding="ascii") as stream:  # noqa: PTH123 - a descriptor
        monkeypatch.setattr(sys, "stderr", stream)
        with progress_bar(total=3) as (bar, note):
            note("größer")
            bar.update()


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_a_stream_that_is_closed_or_in_memory_needs_no_thread(stream, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_bar(total=3) as (bar, note):
        note("a note")
        bar.update(3)
    assert capsys.readouterr().out == ""
    assert stream is None or "a note\n" in stream.getvalue()
