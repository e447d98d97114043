"""`msgq dead edit`: a new body, new headers, and back into the queue when so told."""

import pytest

import msgq
from tests.support.cli import call, ok
from tests.support.letters import bury

URL = "sqlite:///store.db"
HEADERS = '{"tenant": "Eve"}'


@pytest.fixture
def dead() -> str:
    with msgq.connect(URL) as client:
        (key,) = bury(client.queue("q"), [{"to": "nobody"}], headers={"tenant": "Ada"})
        return key


def test_it_stays_dead(dead: str) -> None:
    answer = ok("dead", "edit", "q", dead, "--headers", HEADERS, "--url", URL)
    assert answer.out == f"dead letter {dead} edited\n"
    shown = ok("dead", "show", dead, "--url", URL, "--json").json
    assert (shown["headers"], shown["body"]) == ({"tenant": "Eve"}, '{"to":"nobody"}')


def test_it_is_sent_again_when_so_told(dead: str) -> None:
    answer = ok("dead", "edit", dead, "--body", '{"to": "ada"}', "--retry", "--url", URL, "--json")
    assert answer.json == {"queue": "q", "id": dead, "edited": ["body"], "sent_again": True}
    with msgq.connect(URL) as client:
        assert client.queue("q").dead() == []
        (delivery,) = client.queue("q").claim(wait=10)
        assert (str(delivery.id), delivery.value()) == (dead, {"to": "ada"})
        assert delivery.headers == {"tenant": "Ada"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "say what is new"),
        (("--body", "no json"), "is no json"),
        (("--headers", "[1]"), "takes a JSON object"),
    ],
)
def test_what_it_cannot_hold_is_refused(dead: str, arguments: tuple[str, ...], text: str) -> None:
    answer = call("dead", "edit", "q", dead, *arguments, "--url", URL)
    assert (answer.status, text in answer.err) == (2, True), answer.err
    assert ok("dead", "show", dead, "--url", URL, "--json").json["body"] == '{"to":"nobody"}'


def test_what_is_not_dead_is_named(dead: str) -> None:
    ok("dead", "edit", dead, "--body", "1", "--retry", "--url", URL)
    answer = call("dead", "edit", "q", dead, "--body", "2", "--url", URL)
    assert f"no dead letter {dead} in queue 'q'" in answer.err
