"""How found messages are shown: a page of them in a table, or one of them whole."""

import json
from collections.abc import Sequence
from typing import Any

from msgq.cli.output import human_seconds, note, preview, print_json, print_table, print_text
from msgq.cli.store import as_record, when
from msgq.message import Message


def show_page(page: Sequence[Message], limit: int, as_json: bool, *, is_dead: bool = False) -> None:
    """Prints a page; where it may go on, how to see more."""
    cursor = page[-1].cursor if len(page) == limit else None
    if as_json:
        print_json({"messages": [as_record(found) for found in page], "next": cursor})
        return
    if not page:
        note("no dead letters" if is_dead else "no messages")
        return
    columns = ["id", "state", "handler", "attempts", "enqueued", "reason" if is_dead else "body"]
    rows = [
        [
            str(found.id),
            found.state,
            found.handler or "-",
            found.deliveries,
            when(found.enqueued_at),
            found.reason if is_dead else preview(found.body),
        ]
        for found in page
    ]
    if is_dead:
        columns, rows = (
            ["queue", *columns],
            [[f.queue, *r] for f, r in zip(page, rows, strict=True)],
        )
    print_table(columns, rows)
    if cursor is not None:
        note(f"next: --after {cursor}")


def _show_attempt(number: int, attempt: dict[str, Any]) -> None:
    """Prints one failed attempt: when, where, how long, what, and the trace above that."""
    millis = attempt.get("ms")
    took = f" after {human_seconds(millis / 1000)}" if isinstance(millis, int | float) else ""
    print_text(f"failure {number}:  {attempt.get('at', '-')} at {attempt.get('worker', '-')}{took}")
    what = ": ".join(str(attempt[name]) for name in ("error", "text") if attempt.get(name))
    for line in (*str(attempt.get("trace", "")).splitlines(), *what.splitlines()):
        print_text(f"    {line}")


def show_one(found: Message, as_json: bool) -> None:
    """Prints everything about a message."""
    record = as_record(found)
    if as_json:
        print_json(record)
        return
    body = record.pop("body", None)
    for name, value in record.items():
        if value not in (None, "", [], {}) and name != "history":
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            print_text(f"{name + ':':12}{text}")
    history = record["history"]
    for number, attempt in enumerate(history if isinstance(history, list) else (), start=1):
        _show_attempt(number, attempt)
    if body is not None:
        print_text("body:")
        print_text(str(body))
