"""Every statement of the contract has its test in tests/contract, named by its id."""

from __future__ import annotations

import ast
import re
from collections import Counter

from tests.tidy.sizes import named_functions
from tests.tidy.tree import Tree, under

FOLDER = "tests/contract/"
COUNTS = {"sa": 39, "pa": 16, "va": 15, "ec": 20, "ga": 10, "ya": 12, "fa": 10}
"""How many statements each family has, numbered from 1; those about parts (ma) have names."""
_ID = re.compile(r"test_(?:([a-z]{2})(\d+)_|(ma)_)")


def statements(tree: Tree) -> list[tuple[str, str, bool]]:
    """The id (or the name, of a part), the place and whether there is a statement, of each test."""
    found = []
    for path, text in under(tree, FOLDER, suffix=(".py",)):
        for name, node in named_functions(ast.parse(text), f"{path}::"):
            if node.name.startswith("test_"):
                match = _ID.match(node.name)
                numbered = f"{match[1]}{match[2]}" if match and match[1] else node.name
                known = bool(match and (match[3] or match[1] in COUNTS))
                found.append((numbered if known else "", name, bool(ast.get_docstring(node))))
    return found


def untold_statements(tree: Tree) -> list[str]:
    """Every id without a test or with two, every test without an id or a statement."""
    tests = statements(tree)
    told = Counter(each for each, _, _ in tests if each)
    wanted = {f"{family}{n}" for family, most in COUNTS.items() for n in range(1, most + 1)}
    numbered = {each for each in told if not each.startswith("test_")}
    found = [f"{FOLDER}: no test of {each}" for each in sorted(wanted - numbered)]
    found += [f"{FOLDER}: there is no statement {each}" for each in sorted(numbered - wanted)]
    found += [f"{FOLDER}: {each} has {count} tests" for each, count in told.items() if count > 1]
    found += [f"{name}: is named by no id" for each, name, _ in tests if not each]
    return found + [f"{name}: does not say its statement" for _, name, said in tests if not said]
