"""Errors are one list, told four times: error.h, bindings/errors.cpp, errors.py, docs/errors.md."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from tests.tidy.tree import Tree, cpp_code

HEADER = "cpp/include/msgq/error.h"
BINDING = "cpp/bindings/errors.cpp"
PYTHON = "python/msgq/errors.py"
PAGE = "docs/errors.md"
_CODE = re.compile(r"\bErrorCode::k(\w+)")


@dataclass(frozen=True)
class PythonError:
    """One class of errors.py: its own `code` and `is_retryable`, None where it inherits them."""

    name: str
    code: str | None
    is_retryable: bool


def core_codes(tree: Tree) -> set[str]:
    """The enumerators of ErrorCode, without their k."""
    body = re.search(
        r"enum class ErrorCode[^{]*\{(.*?)\}", cpp_code(tree.get(HEADER, "")), re.DOTALL
    )
    return set(re.findall(r"\bk(\w+)", body[1])) if body else set()


def retryable_codes(tree: Tree) -> set[str]:
    """The codes for which Error::is_retryable() says yes."""
    body = re.search(r"is_retryable\(\)[^{]*\{(.*?)\}", cpp_code(tree.get(HEADER, "")), re.DOTALL)
    return set(_CODE.findall(body[1])) if body else set()


def python_errors(tree: Tree) -> list[PythonError]:
    """The classes of errors.py that say a code of their own."""
    found = []
    for node in ast.parse(tree.get(PYTHON, "")).body:
        if isinstance(node, ast.ClassDef):
            values: dict[str, object] = {}
            for line in node.body:
                match line:
                    case ast.Assign(targets=[ast.Name(name)], value=ast.Constant(value)):
                        values[name] = value
                    case ast.AnnAssign(target=ast.Name(name), value=ast.Constant(value)):
                        values[name] = value
            code = values.get("code")
            found.append(
                PythonError(
                    node.name,
                    code if isinstance(code, str) else None,
                    bool(values.get("is_retryable")),
                )
            )
    return found


def differing_errors(tree: Tree) -> list[str]:
    """Every error that one of the four tables has and another lacks or tells otherwise."""
    core = core_codes(tree)
    bound = set(_CODE.findall(cpp_code(tree.get(BINDING, ""))))
    classes = python_errors(tree)
    codes = [error.code for error in classes if error.code]
    found = [f"{BINDING}: {code} of {HEADER} is missing" for code in sorted(core - bound)]
    found += [f"{BINDING}: {code} is not in {HEADER}" for code in sorted(bound - core)]
    found += [f"{PYTHON}: no class has code {code}" for code in sorted(core - set(codes))]
    found += [
        f"{PYTHON}: two classes have code {code}" for code in {*codes} if codes.count(code) > 1
    ]
    found += [
        f"{PYTHON}: {error.name}.is_retryable is not what {HEADER} says"
        for error in classes
        if error.code in core and error.is_retryable != (error.code in retryable_codes(tree))
    ]
    found += [
        f"{PAGE}: {error.name} is missing"
        for error in classes
        if f"`{error.name}`" not in tree.get(PAGE, "")
    ]
    return found
