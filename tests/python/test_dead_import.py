"""What was exported comes back as new messages; a bad line is named and nothing is sent."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest

import msgq
from msgq.dead_import import Importer, lines_of
from tests.python.conftest import MakeApp
from tests.support.letters import bury
from tests.support.stores import behind_pooler

GOOD: dict[str, Any] = {"msgq_dead_letter": 1, "queue": "q", "content": "json", "body": "1"}


def line(**changes: Any) -> bytes:
    said = {**GOOD, **changes}
    return json.dumps({k: v for k, v in said.items() if v is not ...}).encode() + b"\n"


def handed_out(queue: msgq.Queue, count: int) -> list[tuple[bytes, str, dict[str, Any]]]:
    found: list[tuple[bytes, str, dict[str, Any]]] = []
    while len(found) < count:
        for each in queue.claim(count, wait=5):
            found.append((each.body, each.handler, dict(each.headers)))
            each.ack()
    return found


@behind_pooler
def test_there_and_back(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    bodies = [b"\xff\x00", b"plain", *range(30)]
    old = bury(queue, bodies, headers={"tenant": "Ada"})
    out = io.BytesIO()
    any_app.dead_letters().export(out)
    any_app.dead_letters().delete()
    assert any_app.import_dead_letters(out.getvalue().splitlines(keepends=True)) == 32
    assert not set(old) & {str(each.id) for each in queue.messages()}
    found = handed_out(queue, 32)
    sent = [each if isinstance(each, bytes) else str(each).encode() for each in bodies]
    assert found == [(body, "", {"tenant": "Ada"}) for body in sent]


def test_priority_and_expiry_come_back(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    bury(queue, [1, 2], priority=2, ttl="1h")
    bury(queue, [3, 4], priority=9)
    expires = queue.dead()[0].expires_at
    assert expires is not None
    out = io.BytesIO()
    any_app.dead_letters().export(out)
    any_app.dead_letters().delete()
    assert any_app.import_dead_letters(out.getvalue().splitlines(keepends=True)) == 4
    found: list[msgq.Delivery] = []
    while len(found) < 4:
        found += queue.claim(1, wait=5)
    assert [(each.value(), each.priority) for each in found] == [(3, 9), (4, 9), (1, 2), (2, 2)]
    assert [each.expires_at for each in found[:2]] == [None, None]
    for each in found[2:]:
        assert each.expires_at is not None
        assert abs(each.expires_at - expires) < timedelta(minutes=1)


def test_a_ttl_that_is_over_is_left_out_as_it_would_be_in_vain(any_app: msgq.App) -> None:
    assert any_app.import_dead_letters([line(expires="2020-01-01T00:00:00Z")]) == 1
    (delivery,) = any_app.queue("q").claim(wait=10)
    assert delivery.expires_at is None


@pytest.mark.parametrize("url", ["memory://", "sqlite:///q.db"])
def test_a_letter_keeps_its_key(make_app: MakeApp, url: str) -> None:
    app = make_app(url)
    queue = app.queue("q")
    queue.enqueue_many([1, 2, 3], key=["a", None, "b"])
    while found := queue.claim(10):
        for each in found:
            each.reject("no")
    out = io.BytesIO()
    app.dead_letters().export(out)
    assert app.import_dead_letters(out.getvalue().splitlines(keepends=True)) == 3
    assert {each.value(): each.key for each in queue.messages()} == {1: "a", 2: None, 3: "b"}


def test_handlers_get_their_own_again(any_app: msgq.App) -> None:
    seen: list[int] = []

    @any_app.handler(queue="work", name="note")
    def note(number: int) -> None:
        seen.append(number)

    lines = [line(queue="elsewhere", handler="note", body=f"[{n}]") for n in range(5)]
    assert any_app.import_dead_letters(lines, queue="work") == 5
    with any_app.worker(concurrency=1) as worker:
        worker.run_until_idle(20)
    assert sorted(seen) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (b"no json\n", "it is no JSON"), (b"\xff\n", "it is no JSON"), (b"[" * 9999, "no JSON"),
        (b"[1]\n", "no dead letter"), (b'{"a": 1}\n', "no msgq_dead_letter"),
        (line(msgq_dead_letter=2), "version 2 and this msgq reads 1"),
        (line(msgq_dead_letter=2, body=[1]), "version 2 and this msgq reads 1"),
        (line(body=...), "one of body and body_base64"),
        (line(body_base64="AA=="), "one of body and body_base64"),
        (line(body=..., body_base64="*"), "no dead letter"),
        (line(key="x" * 513), "from 1 to 512 bytes"),
        (line(queue=...), "queue"), (line(queue=""), "name"), (line(content="xml"), "xml"),
        (line(body=5), "body"), (line(handler="a\nb"), "handler"),
        (line(headers={"a": [1]}), "header 'a'"), (line(headers=[]), "headers"),
        (line(body="x" * 3000), "message_bytes_max"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named(bad: bytes, told: str) -> None:
    with (
        msgq.connect("memory://", message_bytes_max=2000) as client,
        pytest.raises(msgq.PayloadError, match=f"^line 3: .*{told}"),
    ):
        Importer(client).check([line(), b"\n", bad])


def test_batches_are_whole(any_app: msgq.App) -> None:
    importer = Importer(any_app)
    seen: list[int] = []
    lines = [line(body="x" * 20_000, queue=f"q{n // 4}") for n in range(8)]
    assert importer.send(lines, progress=seen.append) == 8
    assert seen == [3, 4, 7, 8]
    assert importer.line == 8


def test_it_goes_on_behind_a_line() -> None:
    with msgq.connect("memory://", profile="test") as client:
        importer = Importer(client)
        lines = [line(body=str(n)) for n in range(5)]
        with pytest.raises(msgq.PayloadError, match="line 6"):
            importer.send([*lines, b"bad"])
        assert importer.line == 0
        assert importer.send(lines, from_line=4) == 2
        assert [each.body for each in client.queue("q").messages()] == [b"3", b"4"]


def test_a_full_store_says_how_far_it_came() -> None:
    with msgq.connect(
        "memory://", store_count_max=4, overflow="raise", batch_count_max=2
    ) as client:
        importer = Importer(client)
        with pytest.raises(msgq.QueueFullError):
            importer.send([line(body=str(n)) for n in range(9)])
        assert importer.line == 4
        assert [each.body for each in client.queue("q").messages()] == [b"0", b"1", b"2", b"3"]


def test_what_is_dropped_is_told() -> None:
    with msgq.connect("memory://", store_count_max=1, overflow="drop") as client:
        importer = Importer(client)
        with pytest.raises(msgq.QueueFullError, match="line 2"):
            importer.send([line(), line(queue="r")])
        assert importer.line == 1


def test_a_line_without_an_end_is_cut_short() -> None:
    with pytest.raises(msgq.PayloadError, match="line 2: over"):
        list(lines_of(io.BytesIO(b"ok\n" + b"x" * ((1 << 20) + 100)), 1))


def test_a_bad_queue_is_refused_at_once() -> None:
    with msgq.connect("memory://") as client, pytest.raises(msgq.ConfigError):
        Importer(client, "")
