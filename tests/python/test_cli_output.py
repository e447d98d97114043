"""Tables, units and previews."""

import pytest

from msgq.cli import output


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0000005, "0 us"),
        (0.0123, "12.3 ms"),
        (12, "12.0 s"),
        (600, "10 min"),
        (9000, "2.5 h"),
    ],
)
def test_human_seconds(seconds: float | None, text: str) -> None:
    assert output.human_seconds(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB")]
)
def test_human_bytes(count: int, text: str) -> None:
    assert output.human_bytes(count) == text


def test_preview_of_text_of_bytes_and_of_a_cut_character() -> None:
    assert output.preview(b'{"a": 1}') == '{"a": 1}'
    assert output.preview(b"a\nb\x00c") == "a b c"
    assert output.preview(b"\xff\x00") == "0xff00"
    assert output.preview(b"x" * 500).endswith("...")
    assert len(output.preview(b"x" * 500)) <= 60
    # a character that is cut in two by the look at the beginning is no reason for hexadecimal
    assert output.preview("\u00e9".encode() * 300 + b"x").startswith("\u00e9\u00e9")
    assert output.preview(b"a" + "\u00e9".encode() * 300).startswith("a\u00e9")


def test_plain_table_aligns_and_cuts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["name", "count"], [["emails", 12345], ["x" * 200, 1]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "count"]
    assert lines[1].startswith("emails ")
    assert lines[1].endswith("  12,345")
    assert lines[2].startswith("x" * 200 + "  ")


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"a": "\u00e9\n"})
    assert capsys.readouterr().out == '{"a": "\u00e9\\n"}\n'
