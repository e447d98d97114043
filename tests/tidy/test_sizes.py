"""Files, functions, parameters and lines stay under their walls."""

from __future__ import annotations

from tests.tidy.exceptions import LONG_FILES, LONG_FUNCTIONS, MANY_PARAMETERS
from tests.tidy.sizes import (
    PUBLIC_NAMES,
    cpp_functions,
    files,
    functions,
    long_lines,
    over_the_wall,
    parameters,
    public_names,
)
from tests.tidy.tree import expect_none, repository


def test_files_stay_under_their_walls() -> None:
    expect_none(over_the_wall(files(repository()), LONG_FILES))


def test_functions_stay_under_their_walls() -> None:
    expect_none(over_the_wall(functions(repository()), LONG_FUNCTIONS))


def test_parameters_stay_few() -> None:
    expect_none(over_the_wall(parameters(repository()), MANY_PARAMETERS))


def test_lines_stay_short() -> None:
    expect_none(long_lines(repository()))


def test_public_names_stay_few() -> None:
    names = public_names(repository())
    assert len(names) <= PUBLIC_NAMES
    assert len(set(names)) == len(names)


def test_a_long_file_is_found_and_the_ratchet_only_falls() -> None:
    tree = {"cpp/src/a.cpp": "\n" * 501}
    assert len(over_the_wall(files(tree), {})) == 1
    expect_none(over_the_wall(files(tree), {"cpp/src/a.cpp": (501, "why")}))
    assert len(over_the_wall(files(tree), {"cpp/src/a.cpp": (500, "why")})) == 1
    assert len(over_the_wall(files({}), {"cpp/src/a.cpp": (501, "why")})) == 1


def test_a_long_python_function_is_found() -> None:
    tree = {"python/msgq/a.py": "def f():\n" + "    x = 1\n" * 70}
    assert len(over_the_wall(functions(tree), {})) == 1


def test_many_parameters_are_found() -> None:
    text = """
class A:
    def f(self, a, b, c, d, e, f): pass
    def g(self, a, b, c, d, e, *, f): pass
"""
    assert over_the_wall(parameters({"python/msgq/a.py": text}), {}) == [
        "python/msgq/a.py::A.f: 6, the wall is 5; split it by duty"
    ]


def test_cpp_functions_are_measured() -> None:
    text = """
namespace msgq {
struct Plain { int a = f(1); std::vector<int> b{1, 2}; };
Box::Box(int a) : a_(a) { // {
  if (a) { go("}"); }
}
void Box::run(std::function<void(int)> done) const noexcept {
  each([&](int x) {
    done(x);
  });
}
class Other { int size() const { return 1; } };
}  // namespace msgq
"""
    assert list(cpp_functions(text)) == [("Box::Box", 3), ("Box::run", 5), ("size", 1)]


def test_a_long_line_is_found() -> None:
    assert len(long_lines({"cpp/src/a.cpp": "x" * 101})) == 1


def test_public_names_are_read() -> None:
    assert public_names({"python/msgq/__init__.py": '__all__ = ["App", "Ack"]\n'}) == ["App", "Ack"]
