"""Records of failed attempts: when, who, what; cut, escaped, from whatever was raised."""

from __future__ import annotations

import json
import os

from hypothesis import given
from hypothesis import strategies as st

from msgq._record import TEXT_MAX, TRACE_MAX, attempt_record, class_name, error_text, worker_name


def test_a_record_tells_when_who_and_what() -> None:
    try:
        raise KeyError("missing")
    except KeyError as error:
        record = json.loads(attempt_record(error, millis=1.23456))
    assert record["error"] == "KeyError"
    assert record["text"] == "'missing'"
    assert "test_a_record_tells_when_who_and_what" in record["trace"]
    assert record["ms"] == 1.235
    assert record["at"] > 1_700_000_000_000
    assert record["worker"] == worker_name()
    assert worker_name().endswith(f":{os.getpid()}")


def test_as_much_is_kept_as_may_be() -> None:
    error = ValueError("of Ada")
    for detail, names in (("trace", {"text", "trace"}), ("text", {"text"}), ("class", set())):
        record = json.loads(attempt_record(error, detail=detail))
        assert record["error"] == "ValueError"
        assert {"text", "trace"} & set(record) == names


def test_a_record_without_an_exception() -> None:
    record = json.loads(attempt_record(None, "asked for it"))
    assert record["text"] == "asked for it"
    assert "error" not in record


@given(st.text(st.characters(), max_size=5000))
def test_any_text_gives_valid_bounded_json(text: str) -> None:
    record = json.loads(attempt_record(ValueError(text)))
    assert len(record["text"]) <= TEXT_MAX
    assert len(record["trace"]) <= TRACE_MAX
    record["text"].encode()
    assert "\0" not in record["text"]


def test_names() -> None:
    class LocalError(Exception):
        pass

    assert class_name(ValueError()) == "ValueError"
    assert class_name(LocalError()).endswith("test_names.<locals>.LocalError")
    assert error_text(ValueError("x" * 5000)).endswith("...")
