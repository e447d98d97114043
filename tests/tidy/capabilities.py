"""What a transport can do is said twice: in its Capability record, and in docs/guarantees.md."""

from __future__ import annotations

import re

from tests.tidy.tree import Tree, cpp_code, under

PAGE = "docs/guarantees.md"
_RECORD = re.compile(r"constexpr Capability \w+\{(.*?)\};", re.DOTALL)
CELL = {"true": "✔", "false": "✘"}


def records(tree: Tree) -> dict[str, dict[str, str]]:
    """Of each scheme what its record says, as the page writes it."""
    found = {}
    for _, text in under(tree, "cpp/src/transport/", suffix=(".cpp",)):
        for record in _RECORD.findall(text):
            scheme = re.search(r'\.scheme = "(\w+)"', record)
            says = re.findall(r"\.(\w+) = (true|false)", cpp_code(record))
            if scheme:
                found[scheme[1]] = {name: CELL[value] for name, value in says}
    return found


def table(tree: Tree) -> dict[str, dict[str, str]]:
    """Of each scheme what the page's table says; a row names its field in backquotes."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in tree.get(PAGE, "").splitlines()
        if line.startswith("| ") and re.search(r"\(`\w+`\) \|", line)
    ]
    head = re.search(r"^\| what it can do \|(.*)\|$", tree.get(PAGE, ""), re.MULTILINE)
    schemes = re.findall(r"`(\w+)://", head[1]) if head else []
    names = [row[0].rpartition("(`")[2].removesuffix("`)") for row in rows]
    return {
        scheme: {name: row[place] for name, row in zip(names, rows, strict=True)}
        for place, scheme in enumerate(schemes, start=1)
    }


def differing_capabilities(tree: Tree) -> list[str]:
    """Every field of a record that the page lacks or tells otherwise."""
    page = table(tree)
    return [
        f"{PAGE}: {scheme} {name} is {page.get(scheme, {}).get(name, 'missing')}, not {value}"
        for scheme, fields in records(tree).items()
        for name, value in fields.items()
        if page.get(scheme, {}).get(name) != value
    ]
