"""What functions and classes are called in messages."""

from __future__ import annotations

import functools

from msgq._names import name_of


class Order:
    """A message."""


def test_module_and_qualified_name() -> None:
    assert name_of(Order) == f"{__name__}.Order"
    assert name_of(name_of) == "msgq._names.name_of"


def test_a_program_is_called_by_its_file() -> None:
    scope = {"__name__": "__main__", "__file__": "/somewhere/shop.py"}
    exec("def pay(): ...", scope)
    assert name_of(scope["pay"]).endswith(".pay")
    assert "__main__" not in name_of(scope["pay"])


def test_what_has_no_name_has_that_of_its_class() -> None:
    assert name_of(functools.partial(print)).endswith(".partial")
