"""What functions and classes are called in messages: the same in every program that uses them.

Any thread.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

_MAIN_NAMES: Final = ("__main__", "__mp_main__", "__msgq_worker__")


def name_of(function: Any) -> str:
    """Gives module and qualified name of a function or class; the file's for a main module.

    So `python shop.py` and `msgq worker shop:app` agree on it.
    """
    module = getattr(function, "__module__", None) or "unknown"
    if module in _MAIN_NAMES:
        main = sys.modules.get(module)
        spec = getattr(main, "__spec__", None)
        file = getattr(main, "__file__", None) or getattr(function, "__globals__", {}).get(
            "__file__"
        )
        if spec is not None and spec.name != "__main__":
            module = spec.name.removesuffix(".__main__")
        elif file:
            module = Path(file).stem
    return f"{module}.{getattr(function, '__qualname__', type(function).__qualname__)}"
