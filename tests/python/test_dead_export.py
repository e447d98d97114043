"""The lines of an export: each says all of its letter."""

from __future__ import annotations

import io
import json

import msgq
from tests.support.letters import bury, fail
from tests.support.stores import behind_pooler


def exported(client: msgq.Client) -> list[dict[str, object]]:
    out = io.BytesIO()
    count = client.dead_letters().export(out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert count == len(lines)
    return lines


@behind_pooler
def test_a_line_says_all(any_app: msgq.App) -> None:
    (key,) = fail(any_app, [ValueError("no such user")])
    (line,) = exported(any_app)
    (letter,) = any_app.dead_letters()
    assert letter.enqueued_at is not None
    enqueued, died = line.pop("enqueued"), line.pop("died")
    assert isinstance(died, str)
    assert isinstance(enqueued, str)
    assert enqueued[:19] == letter.enqueued_at.isoformat()[:19]
    assert died.endswith("Z")
    assert line == {
        "msgq_dead_letter": 1,
        "queue": "fails",
        "content": "json",
        "handler": "shop.fails",
        "body": "[0]",
        "id": key,
        "reason": letter.reason,
        "error": "ValueError",
        "deliveries": 1,
        "failures": 1,
        "attempts": letter.history,
    }


def test_priority_and_expiry_are_in_it_where_they_are_not_the_normal_ones(
    any_app: msgq.App,
) -> None:
    bury(any_app.queue("q"), [1], priority=9, ttl="1h")
    bury(any_app.queue("q"), [2])
    first, second = exported(any_app)
    expires = any_app.queue("q").dead()[0].expires_at
    assert expires is not None
    assert (first["priority"], str(first["expires"])[:19]) == (9, expires.isoformat()[:19])
    assert not {"priority", "expires"} & set(second)


def test_bytes_are_base64_where_they_are_no_text(any_app: msgq.App) -> None:
    bury(any_app.queue("q"), [b"\xff\x00", "caf\u00e9".encode(), b""])
    bodies = [(each.get("body"), each.get("body_base64")) for each in exported(any_app)]
    assert bodies == [(None, "/wA="), ("caf\u00e9", None), ("", None)]


def test_it_removes_nothing(any_app: msgq.App) -> None:
    bury(any_app.queue("q"), range(40))
    assert len(exported(any_app)) == 40
    assert any_app.dead_letters().count() == 40
