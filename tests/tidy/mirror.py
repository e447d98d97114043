"""Tests mirror sources, so that a reader of one finds the other by its name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.tidy.tree import Tree, under


def mirror_of(path: str) -> str:
    """Where the test of a source file is: cpp/src/room/x.cpp has tests/cpp/room/x_test.cpp."""
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    if path.startswith("cpp/src"):
        return f"tests/cpp{folder.removeprefix('cpp/src')}/{stem}_test.cpp"
    inner = folder.removeprefix("python/msgq").strip("/").replace("/", "_")
    return f"tests/python/test_{'_'.join(part for part in (inner, stem.strip('_')) if part)}.py"


def without_a_mirror(tree: Tree, exempt: Mapping[str, str]) -> list[str]:
    """Every source without its test, and every exemption that is not needed."""
    sources = [path for path, _ in under(tree, "cpp/src/", suffix=(".cpp",))]
    sources += [
        path
        for path, _ in under(tree, "python/msgq/", suffix=(".py",))
        if not path.endswith(("/__init__.py", "/__main__.py"))
    ]
    missing = {path for path in sources if mirror_of(path) not in tree}
    found = [f"{path}: has no {mirror_of(path)}" for path in sorted(missing - exempt.keys())]
    found += [f"{path}: needs no exemption" for path in exempt if path not in missing]
    found += [
        f"{path}: exempt for {reason!r}, which names no file that is there"
        for path, reason in exempt.items()
        if not any(word.strip("`,.:;") in tree for word in reason.split())
    ]
    return found


def orphan_tests(tree: Tree) -> list[str]:
    """Every C++ unit test in a room's folder whose source or header is not there."""
    rooms = {path.split("/")[2] for path, _ in under(tree, "cpp/src/") if path.count("/") > 2}
    found = []
    for path, _ in under(tree, *(f"tests/cpp/{room}/" for room in rooms), suffix=("_test.cpp",)):
        source = path.replace("tests/cpp/", "cpp/src/").removesuffix("_test.cpp")
        public = f"cpp/include/msgq/{source.rpartition('/')[2]}.h"
        if not {f"{source}.cpp", f"{source}.h", public} & tree.keys():
            found.append(f"{path}: there is no {source}.cpp or .h")
    return found
