"""What a command prints: people get tables and sentences, `--json` gets one JSON document (or one
JSON line per refresh). Answers go to stdout; progress, hints and errors go to stderr.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

import typer

Row = Sequence[object]


def print_json(data: object) -> None:
    """Prints `data` as one line of JSON on stdout."""
    typer.echo(json.dumps(data, ensure_ascii=False, default=str))


def print_text(text: str = "") -> None:
    """Prints a line for people on stdout."""
    typer.echo(text)


def note(text: str) -> None:
    """Prints a remark on stderr, where it spoils no pipe."""
    typer.echo(text, err=True)


def print_table(columns: Sequence[str], rows: Sequence[Row], title: str = "") -> None:
    """Prints a table: drawn on a terminal, plain aligned columns (nothing cut off) elsewhere."""
    if not sys.stdout.isatty():
        _print_plain(columns, rows)
        return
    from rich.console import Console

    Console().print(table_of(columns, rows, title))


def table_of(columns: Sequence[str], rows: Sequence[Row], title: str = "") -> Any:
    """The same table as an object of rich, for live displays."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", box=SIMPLE, padding=(0, 0, 0, 1))
    for name, right in zip(columns, _numeric(columns, rows), strict=True):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


def human_count(value: float) -> str:
    """12345 becomes 12,345."""
    return f"{value:,.0f}"


def human_bytes(value: float) -> str:
    """Bytes with a binary unit."""
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def human_seconds(value: float | None) -> str:
    """Seconds with the unit that reads best; a dash for none."""
    if value is None:
        return "-"
    if value < 0.001:
        return f"{value * 1e6:.0f} us"
    if value < 1:
        return f"{value * 1e3:.1f} ms"
    if value < 120:
        return f"{value:.1f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"


def preview(body: bytes, width: int = 60) -> str:
    """The beginning of a body on one line: text where it is text, hexadecimal otherwise."""
    head = body[: width * 4]
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        cut_off_only = len(body) > len(head) and error.start >= len(head) - 3
        text = head[: error.start].decode() if cut_off_only else "0x" + head.hex()
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= width and len(body) <= len(head) else text[: width - 3] + "..."


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return human_count(value)
    return "-" if value is None else str(value)


def _numeric(columns: Sequence[str], rows: Sequence[Row]) -> list[bool]:
    """Which columns hold nothing but numbers, and so stand to the right."""
    return [
        bool(rows) and all(isinstance(row[i], int | float) for row in rows)
        for i in range(len(columns))
    ]


def _print_plain(columns: Sequence[str], rows: Sequence[Row]) -> None:
    table = [list(columns), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(columns))]
    numeric = _numeric(columns, rows)
    for row in table:
        aligned = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        ]
        typer.echo("  ".join(aligned).rstrip())
