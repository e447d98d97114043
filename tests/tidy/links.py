"""Every relative link of the docs leads somewhere."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote

from tests.tidy.tree import Tree, under

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")


def without_code(text: str) -> str:
    """Markdown with fenced blocks and code spans blanked; every line keeps its number."""

    def blank(match: re.Match[str]) -> str:
        return "\n" * match[0].count("\n")

    fences = re.sub(r"^(```|~~~).*?^\1", blank, text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]+`", "", fences)


def anchors(text: str) -> set[str]:
    """The anchors that the headings of a page make."""
    headings = re.findall(
        r"^#+\s+(.*?)\s*$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE
    )
    found: set[str] = set()
    for heading in headings:
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
        anchor, again = words.replace(" ", "-"), 0
        while (numbered := f"{anchor}-{again}" if again else anchor) in found:
            again += 1
        found.add(numbered)
    return found


def links(text: str) -> Iterator[tuple[int, str]]:
    """Line number and target of each link that stays in the repository."""
    for number, line in enumerate(without_code(text).splitlines(), start=1):
        for match in LINK.finditer(line):
            if not re.match(r"[a-z]+:", match[1]):
                yield number, unquote(match[1])


def broken_links(tree: Tree, files: set[str]) -> list[str]:
    """Every link to a file or heading that is not there; `files`: all paths, folders too."""
    found = []
    for path, text in under(tree, "", suffix=(".md",)):
        for number, target in links(text):
            file, _, anchor = target.partition("#")
            to = posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path
            if to not in files:
                found.append(f"{path}:{number}: no {to}")
            elif anchor and to.endswith(".md") and anchor not in anchors(tree.get(to, "")):
                found.append(f"{path}:{number}: {to} has no heading #{anchor}")
    return found
