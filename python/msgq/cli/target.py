"""Finds the app or handler that MODULE:NAME means, the way a program started here would."""

import importlib
import os
import sys
from typing import Any

from msgq.errors import ConfigError


def load(text: str, what: str) -> Any:
    """The object at `text`, MODULE:NAME with dots allowed on both sides.

    Raises ConfigError when the text is of another shape or names nothing; an exception of the
    module's own code comes out as it is.
    """
    module_name, separator, path = text.partition(":")
    if not separator or not module_name or not path:
        raise ConfigError(f"{text!r} does not name {what}; write MODULE:NAME, such as shop:app")
    module = _import(module_name)
    found: Any = module
    for part in path.split("."):
        if not hasattr(found, part):
            near = ", ".join(name for name in vars(module) if not name.startswith("_"))
            raise ConfigError(f"module {module_name!r} has no {path!r}; it has: {near[:300]}")
        found = getattr(found, part)
    return found


def _import(name: str) -> Any:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
            raise
        raise ConfigError(
            f"no module {name!r} in {here} or on the path; start the command where {name} is"
        ) from None
