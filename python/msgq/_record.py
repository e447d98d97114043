"""One failed attempt as the JSON object that is kept with its message: when, who, what went wrong.

Whatever an exception does (huge texts, lone surrogates, NUL, a broken __str__), a record comes out.
Safe from any thread.
"""

from __future__ import annotations

import os
import socket
import traceback
from types import TracebackType
from typing import Any, Final

import msgspec

from msgq.duration import now_ms

TEXT_MAX: Final = 2_000
TRACE_MAX: Final = 4_000
CLASS_MAX: Final = 200
_encode: Final = msgspec.json.Encoder().encode
_HERE: Final = os.path.dirname(__file__) + os.sep
_host: str = ""


def worker_name() -> str:
    """Names this process for people: host and process id."""
    global _host
    _host = _host or _clean(socket.gethostname(), 100)
    return f"{_host}:{os.getpid()}"


def attempt_record(
    error: BaseException | None, text: str = "", millis: float | None = None,
    *, detail: str = "trace",
) -> bytes:  # fmt: skip
    """Gives the record of an attempt that failed with `error`, or for the reason in `text`.

    At most 2,000 characters of text and 4,000 of trace are kept; no trace when `detail` is "text",
    and the class alone when it is "class".
    """
    record: dict[str, Any] = {"at": now_ms(), "worker": worker_name()}
    if millis is not None:
        record["ms"] = round(millis, 3)
    if error is None:
        record["text"] = _clean(text, TEXT_MAX)
    else:
        record["error"] = class_name(error)
        if detail != "class":
            record["text"] = error_text(error)
        if detail == "trace":
            record["trace"] = _trace(error)
    return _encode(record)


def class_name(error: BaseException) -> str:
    """Gives the class as people write it: module and name, builtins without module."""
    kind = type(error)
    module = "" if kind.__module__ in ("builtins", None) else f"{kind.__module__}."
    return _clean(f"{module}{kind.__qualname__}", CLASS_MAX)


def error_text(error: BaseException) -> str:
    """Gives what the exception says, cut and escaped; never raises."""
    try:
        return _clean(str(error), TEXT_MAX)
    except BaseException as broken:  # noqa: BLE001 (a broken __str__ may raise anything)
        return f"<its text cannot be had: {type(broken).__name__}>"


def _clean(text: str, count_max: int) -> str:
    """Makes lone surrogates and NUL visible, then cuts: what is left is valid UTF-8."""
    seen = text[: count_max + 1].encode("utf-8", "backslashreplace").decode()
    seen = seen.replace("\0", "\\x00")
    return seen if len(seen) <= count_max else seen[: count_max - 3] + "..."


def _outside(trace: TracebackType | None) -> TracebackType | None:
    """Skips the first frames, which are msgq's own; keeps all when every one is."""
    inner = trace
    while inner is not None and inner.tb_frame.f_code.co_filename.startswith((_HERE, "<msgq ")):
        inner = inner.tb_next
    return trace if inner is None else inner


def _trace(error: BaseException) -> str:
    """Gives the innermost frames, and the members of a group; the end is what tells most."""
    try:
        lines = traceback.format_tb(_outside(error.__traceback__))[-12:]
        for member in getattr(error, "exceptions", ())[:5]:
            lines.append(f"member: {class_name(member)}: {error_text(member)[:200]}\n")
            lines += traceback.format_tb(member.__traceback__)[-3:]
        text = "".join(lines)
    except BaseException as broken:  # noqa: BLE001 (frames of generated code may lack sources)
        return f"<no trace: {type(broken).__name__}>"
    return _clean(text[-TRACE_MAX:], TRACE_MAX)
