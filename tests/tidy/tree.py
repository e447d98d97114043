"""The repository as the rules see it: a mapping from relative path to text."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Tree = Mapping[str, str]

# Made by tools, never by hand; the rules do not look there.
BUILT = {
    "build",
    ".git",
    ".venv",
    "__pycache__",
    ".hypothesis",
    ".benchmarks",
    ".ipynb_checkpoints",
}
SUFFIXES = {
    ".h",
    ".cpp",
    ".py",
    ".pyi",
    ".sql",
    ".md",
    ".toml",
    ".cmake",
    ".txt",
    ".json",
    ".ipynb",
}


def is_built(path: Path) -> bool:
    """Whether a tool made it: a build folder, a cache, an installed package."""
    return any(
        part in BUILT or part.endswith(("_cache", ".egg-info"))
        for part in path.relative_to(ROOT).parts
    )


@cache
def repository() -> Tree:
    """Every text file of this checkout that a rule may care about."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(ROOT.rglob("*"))
        if path.suffix in SUFFIXES and path.is_file() and not is_built(path)
    }


def under(tree: Tree, *folders: str, suffix: tuple[str, ...] = ("",)) -> Iterator[tuple[str, str]]:
    """The files below any of `folders` whose names end in one of `suffix`, with their texts."""
    for path, text in tree.items():
        if path.startswith(folders) and path.endswith(suffix):
            yield path, text


# One alternative per thing whose inside is not code: comments, raw strings, strings, characters.
_CPP_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | R"(?P<mark>[^(\s]*)\((?P<raw>.*?)\)(?P=mark)"
      | "(?P<text>(?:\\.|[^"\\\n])*)"
      | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'""",
    re.VERBOSE | re.DOTALL,
)


def cpp_code(text: str) -> str:
    """C++ with comments, strings and characters blanked; every line keeps its number."""

    def blank(match: re.Match[str]) -> str:
        hole = "\n" * match[0].count("\n")
        return hole if match["comment"] is not None else f'""{hole}'

    lines = (line if line.lstrip().startswith("#include") else None for line in text.splitlines())
    blanked = _CPP_TOKEN.sub(blank, text).splitlines()
    return "\n".join(kept or new for kept, new in zip(lines, blanked, strict=False))


def cpp_strings(text: str) -> Iterator[tuple[int, str]]:
    """Line number and contents of each string literal of C++ text."""
    for match in _CPP_TOKEN.finditer(text):
        content = match["raw"] if match["raw"] is not None else match["text"]
        if content is not None:
            yield text.count("\n", 0, match.start()) + 1, content


def lines_matching(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    """Line number and match of each line in which `pattern` is found."""
    for number, line in enumerate(text.splitlines(), start=1):
        if match := pattern.search(line):
            yield number, match[0]


def python_code(text: str) -> str:
    """Python with comments and strings blanked; every line keeps its number."""
    lines = text.splitlines()
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return text
    blanked = [list(line) for line in lines]
    for token in tokens:
        if token.type not in (tokenize.STRING, tokenize.COMMENT):
            continue
        (first, start), (last, end) = token.start, token.end
        for number in range(first, last + 1):
            line = blanked[number - 1]
            left = start if number == first else 0
            right = end if number == last else len(line)
            line[left:right] = " " * (right - left)
    return "\n".join("".join(line) for line in blanked)


def expect_none(found: list[str]) -> None:
    """Fails the test with every finding on a line of its own."""
    if found:
        pytest.fail("\n" + "\n".join(found), pytrace=False)
