"""The transports of one client by their names: which URL each has, from all layers of settings.

Pure functions; any thread.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

from msgq._url import StoreUrl, mask, parse_url
from msgq.errors import ConfigError, MsgqError

DEFAULT: Final = "default"
"""Name of the transport that is meant where none is named."""
DEFAULT_URL: Final = "sqlite:///msgq.db"
URL_PREFIX: Final = "MSGQ_URL_"
_NAME: Final = re.compile("[a-z_][a-z0-9_]{0,49}")


def find_urls(
    said: Any, code: Mapping[str, str | None], environ: Mapping[str, str], file: Mapping[str, Any]
) -> dict[str, str]:
    """Gives the URL of each transport as it was written, "default" first.

    `said` is what the command line says of the default one. MSGQ_URL_FAST and `fast` in the table
    `urls` of the file name one called fast. Raises ConfigError when there are some, but no default.
    """
    table = file.get("urls", {})
    if not isinstance(table, Mapping):
        kind = type(table).__name__
        raise ConfigError(f"urls in the file is a table of names and URLs, not {kind}")
    own = {
        name[len(URL_PREFIX) :].lower(): text
        for name, text in environ.items()
        if name.startswith(URL_PREFIX)
    }
    layers: tuple[Mapping[str, Any], ...] = (
        {DEFAULT: file.get("url")}, table, own, {DEFAULT: environ.get("MSGQ_URL")}, code,
        {DEFAULT: said},
    )  # fmt: skip
    found: dict[str, str] = {}
    for layer in layers:
        found.update({name: str(text) for name, text in layer.items() if text})
    if found and DEFAULT not in found:
        raise ConfigError(
            f"there is no default transport, only {', '.join(map(str, found))}: name one in "
            'urls={"default": ...}, in url=, or in MSGQ_URL'
        )
    return {DEFAULT: found.pop(DEFAULT, DEFAULT_URL), **found}


def is_name(url: str) -> bool:
    """Whether it looks like a transport's name, where a URL may stand too."""
    if not isinstance(url, str):
        raise ConfigError(f"a URL is text, not {type(url).__name__}; a file is sqlite:///x.db")
    return _NAME.fullmatch(url) is not None


def find_one(
    url: str, said: Any, environ: Mapping[str, str], file: Mapping[str, Any]
) -> dict[str, str]:
    """Gives the one store that code names by a URL, or by the name it has in other settings."""
    if said or not is_name(url):
        return {DEFAULT: str(said or url)}
    known = find_urls(None, {}, environ, file)
    if url in known:
        return {DEFAULT: known[url]}
    if len(known) > 1:
        refuse_transport(url, known)
    return {DEFAULT: url}  # which is no URL, as parsing it will say


def parse_each(texts: Mapping[str, str]) -> dict[str, StoreUrl]:
    """Gives the parsed URLs. Errors as parse_url, naming the transport where there are several."""
    if len(texts) == 1 and DEFAULT in texts:
        return {DEFAULT: parse_url(texts[DEFAULT])}
    found = {}
    for name, text in texts.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(
                f"a transport's name is a to z, 0 to 9 and _, at most 50, no digit first, got "
                f"{mask(str(name))!r:.60}"
            )
        try:
            found[name] = parse_url(str(text))
        except MsgqError as error:
            raise type(error)(f"{error} (transport {name!r})") from None
    return found


def refuse_transport(name: object, known: Iterable[str]) -> NoReturn:
    """Raises ConfigError for a transport that nobody named, with those there are."""
    names = list(known)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    near = f"; did you mean {close[0]!r}?" if close else ""
    shown = mask(str(name))  # it may be a URL
    raise ConfigError(f"unknown transport {shown!r:.60}; there are {', '.join(names)}{near}")
