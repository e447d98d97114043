"""URLs of stores: which transport, where, with which options; secrets never shown.

Pure functions and values; any thread.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from msgq.errors import ConfigError, UnsupportedError

KNOWN: Final = ("memory", "sync", "sqlite", "postgresql")
LATER: Final = {"amqp": "amqp", "amqps": "amqp", "sqs": "sqs", "servicebus": "servicebus"}
LIBPQ_OPTIONS: Final = frozenset(
    "host hostaddr port dbname user password passfile require_auth channel_binding application_name "
    "options keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout "
    "sslmode sslcompression sslcert sslkey sslpassword sslrootcert sslcrl sslcrldir sslsni "
    "ssl_min_protocol_version ssl_max_protocol_version requirepeer krbsrvname gsslib gssencmode "
    "service target_session_attrs load_balance_hosts".split()
)
"""What libpq knows; the other options of a postgresql:// URL are settings of msgq."""
_SECRET: Final = re.compile(r"passw|secret|token|key|credential|sig", re.IGNORECASE)
_USER_PART: Final = re.compile(r"(://[^/@:?#]*:)[^/?#]*@")
_ODD_USER_PART: Final = re.compile(r"(://[^/@:?#]*:).*@", re.DOTALL)


class StoreUrl(NamedTuple):
    """A parsed URL; its text form has every secret masked."""

    scheme: str
    path: str
    options: dict[str, str]
    masked: str
    dsn: str = ""  # postgresql only: what libpq gets; never shown

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"StoreUrl({self.masked!r})"


def parse_url(text: str) -> StoreUrl:
    """Reads memory://, sync://, sqlite:///relative, sqlite:////absolute, each with ?options.

    Raises ConfigError for a scheme nobody knows (the known ones are listed), UnsupportedError for a
    transport that is not built in.
    """
    masked = mask(text)
    scheme, separator, _ = text.partition("://")
    scheme = {"postgres": "postgresql"}.get(scheme.lower(), scheme.lower())
    if not separator:
        raise ConfigError(
            f"{masked!r} is no URL; write it like sqlite:///msgq.db, memory:// or sync://"
        )
    if scheme in LATER:
        raise UnsupportedError(
            f"the {LATER[scheme]} transport is not built into this version of msgq ({masked}); "
            f"there are {', '.join(name + '://' for name in KNOWN)}"
        )
    if scheme not in KNOWN:
        raise ConfigError(
            f"unknown scheme {scheme!r} in {masked}; known: {', '.join(n + '://' for n in KNOWN)}"
        )
    if scheme == "postgresql":
        return _postgres_url(text, masked)
    parts = urlsplit(text)
    options = _options(parts.query, masked)
    return StoreUrl(scheme, _path(scheme, parts.netloc, parts.path, masked), options, masked)


def _postgres_url(text: str, masked: str) -> StoreUrl:
    """Splits settings of msgq from what libpq reads; the rest of the URL is libpq's to judge."""
    place, _, query = text.partition("?")
    options = _options(query, masked)
    own = {name: value for name, value in options.items() if name not in LIBPQ_OPTIONS}
    rest = urlencode({name: options[name] for name in options if name not in own}, quote_via=quote)
    dsn = "postgresql" + place[place.index("://") :] + ("?" + rest if rest else "")
    return StoreUrl("postgresql", "", own, masked, dsn)


def _options(query: str, masked: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ConfigError(f"{', '.join(sorted(twice))} stands twice in {masked}")
    return dict(pairs)


def _path(scheme: str, host: str, path: str, masked: str) -> str:
    if scheme != "sqlite":
        if host or path.strip("/"):
            raise ConfigError(f"{scheme}:// takes no path, got {masked}")
        return ""
    if host:
        raise ConfigError(
            f"{masked} has a host; a file is sqlite:///relative.db or sqlite:////absolute.db"
        )
    name = unquote(path[1:])
    if not name or name.endswith("/"):
        raise ConfigError(f"{masked} names no file; write it like sqlite:///msgq.db")
    if "\0" in name:
        raise ConfigError("the file's name in the URL holds a NUL character")
    return name


def mask(text: str) -> str:
    """Gives the URL with passwords and secret options replaced by ***."""
    whole = _USER_PART.sub(r"\1***@", text, count=1)
    if whole == text:  # a password may even hold / ? and #
        whole = _ODD_USER_PART.sub(r"\1***@", text)
    place, question, query = whole.partition("?")
    return place + question + "&".join(_mask_option(option) for option in query.split("&"))


def _mask_option(option: str) -> str:
    name, equals, _ = option.partition("=")
    return f"{name}=***" if equals and _SECRET.search(name) else option
