"""What is looked up at first use: until then it stands where it will be needed, then it is gone.

So a queue may be named before the settings are read, and nothing is asked again for each message.
Any thread: who comes at the same time looks up twice and finds the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Later:
    """Stands for what `find` gives, in attributes of its holders; puts that there when it is used.

    Raises what `find` raises, and then stands where it was.
    """

    def __init__(self, find: Callable[[], Any], shown: object = None) -> None:
        self._find = find
        self.shown = shown  # what its text is meanwhile
        self._places: list[tuple[object, str]] = []

    def __repr__(self) -> str:
        return repr(self.shown)

    def stand_in(self, holder: object, attribute: str) -> None:
        """Takes the place of an attribute."""
        self._places.append((holder, attribute))
        setattr(holder, attribute, self)

    def __getattr__(self, name: str) -> Any:
        found = self._find()
        for holder, attribute in self._places:
            if getattr(holder, attribute) is self:
                setattr(holder, attribute, found)
        return getattr(found, name)
