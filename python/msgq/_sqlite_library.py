"""Is the SQLite library of the core the one that Python's sqlite3 uses? Two in one process break
each other's locks on one file (docs/adr/0004). Any thread; looks, changes nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from msgq.errors import StoreRejectedError

_MAPS: Final = Path("/proc/self/maps")


def refuse_second_library(own: str) -> None:
    """Raises StoreRejectedError when sqlite3 was imported and uses a library other than `own`.

    `own` is empty in a core that was built without SQLite.
    """
    if not own or "_sqlite3" not in sys.modules:
        return
    other = interpreter_library()
    if not is_same(own, other):
        raise StoreRejectedError(
            f"this process has two SQLite libraries, {own} of msgq and {other} of sqlite3; "
            "closing a file in one drops the locks of the other. Use the Python that shares the "
            "system's library, or do not import sqlite3 in this process"
        )


def interpreter_library() -> str:
    """Gives the file with the SQLite code of Python's sqlite3: a library, or the interpreter."""
    ctypes: Any = import_module("ctypes")
    module = import_module("_sqlite3")
    file = getattr(module, "__file__", None)
    try:
        function = ctypes.CDLL(file).sqlite3_libversion
    except (AttributeError, OSError):
        return str(file or sys.executable)  # a copy of its own, hidden inside
    address = ctypes.cast(function, ctypes.c_void_p).value
    return mapped_file(int(address or 0)) or str(file or sys.executable)


def mapped_file(address: int, maps: Path = _MAPS) -> str:
    """Gives the file that is mapped at `address` in this process; empty where nobody can say."""
    try:
        lines = maps.read_text("utf-8").splitlines()
    except OSError:
        return ""
    for line in lines:
        fields = line.split(maxsplit=5)
        start, _, end = fields[0].partition("-")
        if int(start, 16) <= address < int(end, 16):
            return fields[5] if len(fields) == 6 else ""
    return ""


def is_same(one: str, other: str) -> bool:
    """Says whether two names mean one file; what cannot be found is compared by its name."""
    try:
        return Path(one).samefile(other)
    except OSError:
        return one == other
