"""Where bodies come from."""

import io
from pathlib import Path

import pytest

from msgq.cli import bodies
from msgq.errors import NotFoundError, PayloadError


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1, 2]", [1, 2]),
        ("42", 42),
        ("hello", "hello"),
        ('"x"', "x"),
        ("", ""),
    ],
)
def test_an_argument_is_json_or_text(text: str, body: object) -> None:
    assert bodies.from_argument(text) == body


@pytest.mark.parametrize("text", ['{"a": }', "[1,", '"open', " {a}", "[" * 100_000])
def test_what_begins_like_json_must_be_json(text: str) -> None:
    with pytest.raises(PayloadError, match="begins like JSON"):
        bodies.from_argument(text)


def test_a_file_is_one_body(tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(b"\x00\xff")
    assert bodies.from_file(file) == b"\x00\xff"
    with pytest.raises(NotFoundError, match="missing"):
        bodies.from_file(tmp_path / "missing")


def test_lines_stream() -> None:
    stream = io.BytesIO(b'{"a": 1}\n\n  \n2\n"three"')
    assert list(bodies.from_lines(stream)) == [{"a": 1}, 2, "three"]


@pytest.mark.parametrize("bad", [b"{oops\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n"])
def test_a_bad_line_is_named_after_those_before_it(bad: bytes) -> None:
    lines = bodies.from_lines(io.BytesIO(b"1\n2\n" + bad + b"4\n"))
    assert [next(lines), next(lines)] == [1, 2]
    with pytest.raises(PayloadError, match="line 3 is no JSON"):
        next(lines)


def test_batches_give_what_came_before_a_fault() -> None:
    stream = bodies.batches(bodies.from_lines(io.BytesIO(b"1\n2\n3\n!\n")), 2)
    assert next(stream) == [1, 2]
    assert next(stream) == [3]
    with pytest.raises(PayloadError):
        next(stream)


def test_batches_cut_evenly() -> None:
    assert list(bodies.batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(bodies.batches([], 2)) == []


def test_repeated() -> None:
    assert list(bodies.repeated("x", 3)) == ["x"] * 3
    endless = iter(bodies.repeated("x", None))
    assert [next(endless) for _ in range(100)] == ["x"] * 100
