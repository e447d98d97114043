"""The language of --fail-if."""

import pytest

from msgq.cli.condition import holds, names_in, parse
from msgq.errors import ConfigError

REPORT = {"send": {"rate": 1000.0, "p99_ms": 4.5}, "e2e": {"messages": 7}, "url": "memory://"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("send.rate < 1000.5", True),
        ("send.rate<1000", False),
        ("send.rate >= 1e3", True),
        ("e2e.messages == 7", True),
        ("e2e.messages != 7", False),
        ("send.p99_ms > 20 or e2e.messages <= 7", True),
        ("send.p99_ms > 20 and e2e.messages <= 7", False),
        ("send.rate > 1 and send.rate < 2 or e2e.messages > -1", True),
        ("send.rate < 50_000", True),
    ],
)
def test_holds(text: str, expected: bool) -> None:
    assert holds(parse(text), REPORT) is expected


@pytest.mark.parametrize(
    "text",
    ["", "send.rate", "send.rate < fast", "1 < 2", "send.rate =< 5", "a < 1 and", "x < 1.2.3"],
)
def test_what_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match=r"such as: send\.rate"):
        parse(text)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no number 'sent.rate'; it has: send.rate, send.p99_ms"):
        holds(parse("sent.rate < 1"), REPORT)


def test_names() -> None:
    assert names_in(REPORT) == ["send.rate", "send.p99_ms", "e2e.messages"]
