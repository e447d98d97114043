"""S2: a statement is a constant of cpp/sql with the schema's checked name put in, no more.

Values travel as parameters. Nobody joins SQL with what came from outside.
"""

from __future__ import annotations

import re

from tests.tidy.tree import Tree, cpp_code, under

CPP_CALL = re.compile(r"\.exec(?:_params|_prepared|_params0|_params1|0|1|_n)?\(\s*([^;]*)")
CPP_MADE_OF = re.compile(r"(?:sql::|with_schema\((?:sql::|kMigrations\[|function,|view,))")
LIBPQ = re.compile(r"\bPQ(?:exec|prepare|send(?:Query|Prepare))\w*\(")
LIBPQ_HOMES = ("cpp/src/transport/postgres/connection.cpp",)
PYTHON_CALL = re.compile(r"\.(?:execute|executemany|fetch|fetchrow|fetchval)\(\s*(.*)")
PYTHON_JOINED = re.compile(r"""^(?:[fF][rR]?["']|["']|[^,(]*[%+]|[^,(]*\.format\()""")
# (path, part of the line) to the reason.
EXCEPTIONS = {
    ("cpp/src/transport/postgres/schema.cpp", "drop[0]"): "the server itself wrote it, quoted",
    ("cpp/src/transport/postgres/schema.cpp", "statement"): "likewise: list_senders.sql",
    ("cpp/src/transport/postgres/grants.cpp", "statement"): "likewise: list_grants.sql",
}


def joined_statements(tree: Tree) -> list[str]:
    """Every statement that is sent to a store and is made of anything but constants."""
    found = []
    for path, text in under(tree, "cpp/src/", "cpp/bindings/", suffix=(".h", ".cpp")):
        code = cpp_code(text)
        found += [
            _line(path, code, match)
            for match in CPP_CALL.finditer(code)
            if not CPP_MADE_OF.match(match[1]) and not _is_excepted(path, match[1])
        ]
        if path not in LIBPQ_HOMES:
            found += [_line(path, code, match) for match in LIBPQ.finditer(code)]
    for path, text in under(tree, "python/msgq/", suffix=(".py",)):
        found += [
            _line(path, text, match)
            for match in PYTHON_CALL.finditer(text)
            if PYTHON_JOINED.match(match[1])
        ]
    return found


def _is_excepted(path: str, argument: str) -> bool:
    return any(where == path and part in argument for where, part in EXCEPTIONS)


def _line(path: str, text: str, match: re.Match[str]) -> str:
    number = text.count("\n", 0, match.start()) + 1
    return f"{path}:{number}: {match[0][:60]!r}: a constant of cpp/sql, and values as parameters"
