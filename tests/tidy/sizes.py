"""How long things may be: walls, and a ratchet for what stands over one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from tests.tidy.tree import Tree, cpp_code, under

LINE_COLUMNS = 100
FUNCTION_LINES = 70
PARAMETERS = 5
PUBLIC_NAMES = 35

# First folder that fits decides the wall of a file.
FILE_LINES = (
    ("cpp/include/", 300),
    ("cpp/sql/", 100),
    ("tests/", 700),
    ("cpp/", 500),
    ("python/", 500),
    ("benchmarks/", 500),
)
SOURCES = (".h", ".cpp", ".py", ".pyi", ".sql")
Function = ast.FunctionDef | ast.AsyncFunctionDef
Exceptions = Mapping[str, tuple[int, str]]


def over_the_wall(sizes: Iterator[tuple[str, int, int]], exceptions: Exceptions) -> list[str]:
    """Holds (name, size, wall) against the walls and the table of exceptions, both ways."""
    found = []
    unused = dict(exceptions)
    for name, size, wall in sizes:
        allowed, _ = unused.pop(name, (wall, "")) if size > wall else (wall, "")
        if size > allowed:
            found.append(f"{name}: {size}, the wall is {allowed}; split it by duty")
    found += [f"{name}: under the wall again; take it out of the table" for name in unused]
    return found


def files(tree: Tree) -> Iterator[tuple[str, int, int]]:
    """Each source file, its lines and its wall. Migrations are as long as they must be."""
    for path, text in under(tree, *(folder for folder, _ in FILE_LINES), suffix=SOURCES):
        if "/migrations/" not in path:
            wall = next(wall for folder, wall in FILE_LINES if path.startswith(folder))
            yield path, text.count("\n"), wall


def named_functions(node: ast.AST, name: str) -> Iterator[tuple[str, Function]]:
    """Each function inside `node` with its qualified name after `name`."""
    for child in ast.iter_child_nodes(node):
        inner = name
        if isinstance(child, Function | ast.ClassDef):
            inner = f"{name}.{child.name}" if not name.endswith("::") else f"{name}{child.name}"
            if isinstance(child, Function):
                yield inner, child
        yield from named_functions(child, inner)


def python_functions(tree: Tree) -> Iterator[tuple[str, Function]]:
    """Each Python function as "path::Class.name" and its syntax tree."""
    for path, text in under(tree, "python/", "tests/", "benchmarks/", "docs/", suffix=(".py",)):
        yield from named_functions(ast.parse(text), f"{path}::")


# What stands before the brace that opens a body: a name and an argument list, perhaps qualifiers.
_FUNCTION_HEAD = re.compile(r"([~\w:]+|operator\W+)\s*\(.*\)[^()=]*$", re.DOTALL)
_SCOPE_HEAD = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b[^()]*$")
_CONTROL = {"if", "for", "while", "switch", "catch", "MSGQ_ATTRIBUTE", "alignas", "noexcept"}


def cpp_functions(text: str) -> Iterator[tuple[str, int]]:
    """Name and lines, brace to brace, of each outermost function body of C++ text."""
    code = re.sub(r"^\s*#.*$", "", cpp_code(text), flags=re.MULTILINE)
    depth = 0
    opened = ("", 0, 0)  # name, line, depth of the body we are in
    start = 0
    for match in re.finditer(r"[{};]", code):
        sign = match[0]
        head, start = code[start : match.start()], match.end()
        if sign == "{":
            depth += 1
            name = _FUNCTION_HEAD.search(head)
            if not opened[0] and name and name[1] not in _CONTROL and not _SCOPE_HEAD.search(head):
                opened = (name[1], code.count("\n", 0, match.start()), depth)
        elif sign == "}":
            if opened[0] and depth == opened[2]:
                yield opened[0], code.count("\n", 0, match.start()) - opened[1] + 1
                opened = ("", 0, 0)
            depth -= 1


def functions(tree: Tree) -> Iterator[tuple[str, int, int]]:
    """Each function, its lines and the wall."""
    for name, node in python_functions(tree):
        yield name, (node.end_lineno or node.lineno) - node.lineno + 1, FUNCTION_LINES
    for path, text in under(tree, "cpp/", "tests/cpp/", "benchmarks/", suffix=(".h", ".cpp")):
        for name, lines in cpp_functions(text):
            yield f"{path}::{name}", lines, FUNCTION_LINES


def parameters(tree: Tree) -> Iterator[tuple[str, int, int]]:
    """Each Python function of the product, how many positional parameters it takes, the wall.

    Those of C++ are counted by clang-tidy (readability-function-size).
    """
    for name, node in python_functions(tree):
        taken = [argument.arg for argument in node.args.posonlyargs + node.args.args]
        count = len(taken) - (taken[:1] in (["self"], ["cls"]))
        if name.startswith("python/"):
            yield name, count, PARAMETERS


# What a tool wants to be told at the end of a line does not count.
_PRAGMA = re.compile(r"  # (type: ignore|noqa|fmt: skip).*$")


def long_lines(tree: Tree) -> list[str]:
    """Every source line of more than 100 columns."""
    return [
        f"{path}:{number}: {len(line)} columns"
        for path, text in under(tree, "cpp/", "python/", "tests/", "benchmarks/", suffix=SOURCES)
        for number, line in enumerate(text.splitlines(), start=1)
        if len(_PRAGMA.sub("", line)) > LINE_COLUMNS and "http" not in line
    ]


def public_names(tree: Tree) -> list[str]:
    """The names in msgq.__all__."""
    module = ast.parse(tree.get("python/msgq/__init__.py", "__all__ = []"))
    for node in module.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name("__all__")], value=ast.List(elts=names))
                | ast.AnnAssign(target=ast.Name("__all__"), value=ast.List(elts=names))
            ):
                return [str(ast.literal_eval(name)) for name in names]
    return []
