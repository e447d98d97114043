"""URLs of stores: which transport, where, with which options; secrets never shown.

Pure functions and values; any thread.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from msgq._settings import SETTINGS
from msgq.errors import ConfigError, UnsupportedError

KNOWN: Final = ("memory", "sync", "sqlite", "postgresql")
LATER: Final = {"amqp": "amqp", "amqps": "amqp", "sqs": "sqs", "servicebus": "servicebus"}
_LIBPQ_NAMES: Final = (
    "host hostaddr port dbname user password passfile require_auth channel_binding "
    "application_name options keepalives keepalives_idle keepalives_interval "
    "keepalives_count tcp_user_timeout "
    "sslmode sslcompression sslcert sslkey sslpassword sslrootcert sslcrl sslcrldir sslsni "
    "ssl_min_protocol_version ssl_max_protocol_version requirepeer krbsrvname gsslib gssencmode "
    "service target_session_attrs load_balance_hosts"
)
LIBPQ_OPTIONS: Final = frozenset(_LIBPQ_NAMES.split())
"""What libpq knows; the other options of a postgresql:// URL are settings of msgq."""
_SECRET: Final = re.compile(r"passw|secret|token|key|credential|sig|read_url", re.IGNORECASE)
_USER: Final = re.compile(r"[^/@:?#]*:")
_QUERY: Final = re.compile(r"\?[A-Za-z_]+=")
_OPTION: Final = re.compile(r"([?&])([^=&?]*)=[^&]*")
_OPTION_NAME: Final = re.compile(r"[a-z_]{1,63}")
_PORT: Final = re.compile(r"(\[[^\]]*\]|[^:\[]*)(:[0-9]*)?")
_QUOTING: Final = "in a password write %3F for ?, %23 for #, %2F for /, %40 for @"
_STRONG_TLS: Final = "verify-full"


class StoreUrl(NamedTuple):
    """A parsed URL; its text form has every secret masked."""

    scheme: str
    path: str
    options: dict[str, str]
    masked: str
    dsn: str = ""  # postgresql only: what libpq gets; never shown
    weak_tls: str = ""  # postgresql only: the sslmode that was asked for, when it is a weak one

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"StoreUrl({self.masked!r})"


def parse_url(text: str, hosts: str = "read-write") -> StoreUrl:
    """Reads memory://, sync://, sqlite:///relative, sqlite:////absolute, postgresql://, ?options.

    Of several hosts of PostgreSQL the first that is as `hosts` says, in libpq's words, unless the
    URL says otherwise. Raises ConfigError for a scheme nobody knows (the known ones are listed),
    UnsupportedError for a transport that is not built in.
    """
    masked = mask(text)
    scheme, separator, _ = text.partition("://")
    scheme = {"postgres": "postgresql"}.get(scheme.lower(), scheme.lower())
    if not separator:
        raise ConfigError(
            f"{masked!r} is no URL; write it like sqlite:///x.db, postgresql://host/db or memory://"
        )
    if scheme in LATER:
        raise UnsupportedError(
            f"the {LATER[scheme]} transport is not built into this version of msgq ({masked}); "
            f"there are {', '.join(name + '://' for name in KNOWN)}"
        )
    if scheme not in KNOWN:
        near = difflib.get_close_matches(scheme, KNOWN, n=1, cutoff=0.6)
        hint = f"; did you mean {near[0]}://?" if near else ""
        known = ", ".join(f"{each}://" for each in KNOWN)
        raise ConfigError(f"unknown scheme {scheme!r} in {masked}; known: {known}{hint}")
    if scheme == "postgresql":
        return _postgres_url(text, masked, hosts)
    parts = urlsplit(text)
    options = _options(parts.query, masked)
    return StoreUrl(scheme, _path(scheme, parts.netloc, parts.path, masked), options, masked)


def _postgres_url(text: str, masked: str, wanted: str) -> StoreUrl:
    """Splits settings of msgq from what libpq reads; the rest of the URL is libpq's to judge."""
    place, _, query = text.partition("?")
    place = place[place.index("://") + 3 :]
    _check_place(place, masked)
    options = _postgres_options(query, masked)
    own = {name: value for name, value in options.items() if name not in LIBPQ_OPTIONS}
    theirs = {name: value for name, value in options.items() if name not in own}
    is_weak = not _is_local(place, theirs) and theirs.get("sslmode", _STRONG_TLS) != _STRONG_TLS
    weak = theirs["sslmode"] if is_weak else ""
    if not _is_local(place, theirs):
        theirs.setdefault("sslmode", _STRONG_TLS)
    if "," in _hosts(place, theirs):
        theirs.setdefault("target_session_attrs", wanted)
    rest = urlencode(theirs, quote_via=quote)
    dsn = f"postgresql://{place}" + ("?" + rest if rest else "")
    return StoreUrl("postgresql", "", own, masked, dsn, weak)


def _check_place(place: str, masked: str) -> None:
    """Refuses what libpq would take for a host or a port, and name in its error."""
    authority, _, path = place.partition("/")
    if place.count("@") > 1 or "@" in path:
        raise ConfigError(f"{masked} has an @ too many; {_QUOTING}")
    hosts = authority.rpartition("@")[2]
    if any(not _PORT.fullmatch(host) for host in hosts.split(",")):
        raise ConfigError(
            "the port in the URL is no number; write postgresql://user:password@host:port/database"
        )


def _postgres_options(query: str, masked: str) -> dict[str, str]:
    # As libpq reads them: a + is a plus.
    pairs = [part.partition("=") for part in query.split("&") if part]
    named = [(unquote(name), unquote(value)) for name, _, value in pairs]
    if not all(_OPTION_NAME.fullmatch(name) for name, _ in named):
        raise ConfigError(f"the options of {masked} cannot be read; {_QUOTING}")
    known = {*SETTINGS, "profile", *LIBPQ_OPTIONS}
    for name, _ in named:
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ", neither of msgq nor of libpq"
            raise ConfigError(f"unknown option {name!r} in {masked}{hint}")
    return _once(named, masked)


def _is_local(place: str, options: dict[str, str]) -> bool:
    """Whether no byte leaves this machine. Without a host libpq's environment decides: then no.

    For a Unix socket libpq ignores what is said about TLS.
    """
    text = _hosts(place, options)
    return bool(text) and all(_is_local_host(host) for host in text.split(","))


def _hosts(place: str, options: dict[str, str]) -> str:
    hosts = place.partition("/")[0].rpartition("@")[2]
    return options.get("hostaddr") or options.get("host") or unquote(hosts)


def _is_local_host(host: str) -> bool:
    if host.startswith(("/", "@")):
        return True
    name = host[1:].partition("]")[0] if host.startswith("[") else host
    if not host.startswith("[") and name.count(":") == 1:
        name = name.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _options(query: str, masked: str) -> dict[str, str]:
    return _once(parse_qsl(query, keep_blank_values=True), masked)


def _once(pairs: list[tuple[str, str]], masked: str) -> dict[str, str]:
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
    """Gives the URL with passwords and secret options replaced by ***.

    Where a password holds characters that end it, rather too much is hidden than too little.
    """
    head, separator, rest = text.partition("://")
    if separator and (user := _USER.match(rest)):
        query = _QUERY.search(rest)
        place = rest[: query.start()] if query else rest
        at = place.rfind("@")
        if place[at + 1 : at + 2] in ("", "/", "?", "#") or at < 0:
            at = rest.rfind("@")  # no host there: the password may go on
        if at >= user.end():
            rest = f"{rest[: user.end()]}***{rest[at:]}"
    return head + separator + _OPTION.sub(_mask_option, rest)


def _mask_option(option: re.Match[str]) -> str:
    hides = _SECRET.search(unquote(option[2]))
    return f"{option[1]}{option[2]}=***" if hides else option[0]
