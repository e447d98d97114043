"""`msgq dead retry --each` on a terminal: one question a dead letter, each answer carried out."""

from pathlib import Path

import msgq
from tests.support.letters import bury
from tests.support.terminal import Terminal

URL = "sqlite:///store.db"
QUESTION = r"\[r\]etry, \[d\]elete, \[s\]kip, \[q\]uit"


def test_every_answer_is_carried_out() -> None:
    with msgq.connect(URL) as client:
        queue = client.queue("q")
        dead = bury(queue, ["a", "b", "c", "d", "e"], reason="no such address")
        with Terminal("dead", "retry", "q", "--each", "--url", URL, cwd=Path.cwd()) as screen:
            for number, answer in enumerate(["r", "delete", "what?", "s", "q"]):
                shown = min(number, 2) if number < 3 else number - 1
                screen.shows(rf"(?s)(id: +\S+.*){{{shown + 1}}}")
                screen.shows(rf"(?s)({QUESTION}.*){{{number + 1}}}")
                screen.type(answer + "\n")
            screen.shows("1 sent again, 1 removed, 1 skipped")
            assert screen.status() == 0
        assert "'what?' is none of retry, delete, skip, quit" in screen.text
        assert "no such address" in screen.text
        assert [str(each.id) for each in queue.dead_letters()] == dead[2:]
        assert queue.depth().waiting == 1


def test_what_others_took_meanwhile_is_told() -> None:
    with msgq.connect(URL) as client:
        queue = client.queue("q")
        (letter,) = bury(queue, ["a"])
        with Terminal("dead", "retry", "--each", "--url", URL, cwd=Path.cwd()) as screen:
            screen.shows(QUESTION)
            queue.delete_dead(letter)
            screen.type("r\n")
            screen.shows("0 sent again, 0 removed, 0 skipped, 1 gone meanwhile")
            assert screen.status() == 0


def test_ctrl_c_leaves_the_rest() -> None:
    with msgq.connect(URL) as client:
        queue = client.queue("q")
        bury(queue, ["a", "b"])
        with Terminal("dead", "retry", "--each", "--url", URL, cwd=Path.cwd()) as screen:
            screen.shows(QUESTION)
            screen.type("r\n")
            screen.shows(rf"(?s)({QUESTION}.*){{2}}")
            screen.press_ctrl_c()
            screen.type("\n")  # between the question and the read a signal would wait for a key
            assert screen.status() != 0
        assert "Traceback" not in screen.text
        assert queue.dead_letters().count() == 1
