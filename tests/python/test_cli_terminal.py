"""The command line on a real terminal: live tables, progress, questions, Ctrl-C."""

from pathlib import Path

import pytest

import msgq
from tests.support.cli import process
from tests.support.terminal import Terminal

URL = "sqlite:///store.db"
SHOW_CURSOR = "\x1b[?25h"


def on_terminal(*arguments: object, has_input_pipe: bool = False) -> Terminal:
    return Terminal(*arguments, "--url", URL, cwd=Path.cwd(), has_input_pipe=has_input_pipe)


def test_stats_watch_redraws_until_ctrl_c() -> None:
    with (
        msgq.connect(URL) as client,
        on_terminal("stats", "--watch", "--interval", "50ms") as screen,
    ):
        queue = client.queue("emails")
        queue.enqueue_many(range(3))
        screen.shows(r"emails +3 +0 +0 +0 +0 +0 +3 ")
        screen.shows("Ctrl-C ends")
        queue.enqueue_many(range(4))
        screen.shows(r"emails +7 +0 +0 +0 +0 +0 +7 ")
        for delivery in queue.claim(7, wait=5):
            delivery.ack()
        screen.shows(r"emails +0 +0 +0 +0 +7 +0 +7 ")
        screen.shows(r"emails .* [1-9][0-9,]* *\n")
        screen.press_ctrl_c()
        assert screen.status() == 130
    assert "msgq: interrupted" in screen.text
    assert screen.raw.rindex(SHOW_CURSOR) > screen.raw.rindex("\x1b[?25l")
    assert "Traceback" not in screen.text


def test_stats_once_draws_a_table() -> None:
    with msgq.connect(URL) as client:
        client.queue("emails").enqueue(1)
    with on_terminal("stats") as screen:
        screen.shows(r"emails +1 ")
        assert screen.status() == 0


def test_a_long_input_shows_its_progress() -> None:
    with on_terminal("enqueue", "q", "-", "--batch", 1, has_input_pipe=True) as screen:
        lines = screen.process.stdin
        assert lines is not None
        while "enqueued" not in screen.text:
            lines.write(b"1\n")
            lines.flush()
            assert screen.read(0.005)
        screen.shows(r"enqueued [1-9][0-9,]* .* [0-9,]+/s")
        lines.close()
        assert screen.status() == 0
        total = int(screen.shows(r"([0-9,]+) messages to q in")[1].replace(",", ""))
    assert process("queues", "--url", URL, "--json", cwd=Path.cwd()).json[0]["waiting"] == total


@pytest.mark.parametrize(("answer", "status", "left"), [("y\n", 0, 0), ("n\n", 1, 2)])
def test_a_question_is_asked_and_answered(answer: str, status: int, left: int) -> None:
    with msgq.connect(URL) as client:
        client.queue("q").enqueue_many([1, 2])
        with on_terminal("purge", "q") as screen:
            screen.shows(r"Remove every waiting and parked message of 'q'\? \[y/N\]")
            screen.type(answer)
            assert screen.status() == status
        assert client.queue("q").depth().waiting == left
