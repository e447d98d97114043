"""Settings from defaults, profile, TOML, environment, URL, code and command line, in that order.

The only module that reads the environment. A Config is read-only once resolved; any thread.
"""

from __future__ import annotations

import difflib
import importlib
import math
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from msgq._engine import validate_queue_name
from msgq._settings import PROFILES, SETTINGS, Setting
from msgq._url import StoreUrl, parse_url
from msgq._urls import (
    DEFAULT,
    URL_PREFIX,
    find_one,
    find_urls,
    is_name,
    parse_each,
    refuse_transport,
)
from msgq.duration import format_duration, format_size, parse_duration, parse_size
from msgq.errors import ConfigError

SUPERVISOR: Final = "MSGQ_SUPERVISOR"
"""Tells a worker process who supervises it; no setting."""
_PREFIX: Final = "MSGQ_"
_BESIDE: Final = ("profile", "url", "urls")
_PLAIN_NAME: Final = re.compile("[a-z_][a-z0-9_]{0,49}")
_NOT_SETTINGS: Final = frozenset({"URL", "CONFIG", "PROFILE", "WORKER_SPEC", "SUPERVISOR"})


class Config(Mapping[str, Any]):
    """Every setting with its value, and where each came from. Durations are seconds.

    Reads as a mapping of name to value; `origin(name)` says which layer decided. `urls` has the
    URL of each transport by its name, "default" first; `url` is the one this config is for.
    """

    def __init__(
        self,
        url: StoreUrl,
        values: dict[str, Any],
        origins: dict[str, str],
        urls: Mapping[str, StoreUrl] | None = None,
    ) -> None:
        self.url = url
        self.urls: Mapping[str, StoreUrl] = {DEFAULT: url} if urls is None else urls
        self.is_one = len(self.urls) == 1
        self._values = values
        self._origins = origins

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        said = {name: self[name] for name in self if self._origins[name] != "default"}
        return f"Config({self.url}, {said})"

    def origin(self, name: str) -> str:
        """Says which layer gave the value: default, profile, a file, a variable, URL, code..."""
        return self._origins[name]

    def core_options(self) -> dict[str, object]:
        """Gives what the engine takes: names of config.h, durations in whole milliseconds."""
        url = self.url
        options: dict[str, object] = {"scheme": url.scheme, "path": url.path, "dsn": url.dsn}
        for setting in SETTINGS.values():
            if setting.is_core:
                value = self._values[setting.name]
                if setting.kind == "duration":
                    value = math.ceil(value * 1000)
                options[setting.name] = value.dsn if isinstance(value, StoreUrl) else value
        return options


def resolve(
    url: str | None = None,
    code: Mapping[str, Any] | None = None,
    command_line: Mapping[str, Any] | None = None,
    *,
    urls: Mapping[str, str] | None = None,
    transport: str = DEFAULT,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Config:
    """Gives the effective settings. Raises ConfigError listing everything that is wrong at once.

    `urls` are those of code, by the names of their transports; the settings are those of the one
    called `transport`. `url` without `urls` is one store alone, which may also be named as the
    environment or the file name it. `environ` and `folder` are the process's own unless given
    (tests give theirs).
    """
    environ = os.environ if environ is None else environ
    file_name, file = _read_toml(environ.get(_PREFIX + "CONFIG"), folder or Path.cwd())
    layers: list[tuple[str, Mapping[str, Any]]] = [
        (file_name, file),
        ("environment", _read_environ(environ)),
    ]
    said = (command_line or {}).get("url")
    is_alone = url is not None and urls is None
    if url is not None and is_alone:
        texts = find_one(url, said, environ, file)
    else:
        texts = find_urls(said, {DEFAULT: url, **(urls or {})}, environ, file)
    found = parse_each(texts)
    where = found.get(transport) or refuse_transport(transport, found)
    origin = "url" if transport == DEFAULT else f"url of {transport}"
    layers += [(origin, where.options), ("code", code or {}), ("command line", command_line or {})]
    config = _merge(where, layers, found)
    if not is_alone or config.origin("queue_transports") == "code":
        for name in config["queue_transports"].values():
            if name not in found:
                refuse_transport(name, found)
    return config


def check_urls(url: str | None, urls: Mapping[str, str] | None) -> None:
    """Raises ConfigError for URLs given in code that cannot be meant."""
    if urls is None:
        if url is not None and is_name(url):
            resolve(url)
        elif url is not None:
            parse_url(url)
        return
    if not isinstance(urls, Mapping) or not urls:
        kind = type(urls).__name__
        raise ConfigError(f"urls= takes a mapping of names to URLs, one at least, not this {kind}")
    if url is not None and DEFAULT in urls:
        raise ConfigError('url= and urls["default"] are the same transport; give one of them')
    given = dict(urls) if url is None else {DEFAULT: url, **urls}
    parse_each(given)
    if DEFAULT not in given:
        resolve(urls=urls)  # the environment may name it, or nobody does


def check_names(settings: Mapping[str, Any], origin: str = "code") -> None:
    """Raises ConfigError for unknown names, and for values that cannot be right."""
    wrong: list[str] = []
    for name, value in settings.items():
        _convert(name, value, origin, wrong)
    _raise_if(wrong)


def _merge(
    url: StoreUrl, layers: list[tuple[str, Mapping[str, Any]]], urls: Mapping[str, StoreUrl]
) -> Config:
    wrong: list[str] = []
    values = {name: setting.default for name, setting in SETTINGS.items()}
    origins = dict.fromkeys(values, "default")
    profile = next((lay["profile"] for _, lay in reversed(layers) if lay.get("profile")), None)
    for name, value in _profile(profile, wrong).items():
        values[name], origins[name] = value, f"profile {profile}"
    for layer, settings in layers:
        for name, value in settings.items():
            if name in _BESIDE:
                continue
            converted = _convert(name, value, layer, wrong)
            if converted is not None:
                values[name] = converted
                origins[name] = f"{_PREFIX}{name.upper()}" if layer == "environment" else layer
    _check_together(values, wrong)
    _fit_batches(values, origins)
    _raise_if(wrong)
    return Config(url, values, origins, urls)


def _profile(name: object, wrong: list[str]) -> dict[str, Any]:
    if name is None:
        return {}
    if name not in PROFILES:
        wrong.append(f"profile {name!r} is unknown; there are {', '.join(PROFILES)}")
        return {}
    return PROFILES[str(name)]


def _check_together(values: dict[str, Any], wrong: list[str]) -> None:
    for least, most in (("poll_min", "poll_max"), ("lease", "lease_max")):
        if values[least] > values[most]:
            wrong.append(f"{least} ({values[least]:g} s) is above {most} ({values[most]:g} s)")
    if values["pool_size"] < values["writers"] + 2:
        wrong.append(
            f"pool_size ({values['pool_size']}) is below writers + 2: one connection is for "
            "presence, one for looks"
        )


def _fit_batches(values: dict[str, Any], origins: dict[str, str]) -> None:
    """Keeps a block well below a bounded store: one larger than it would never find room."""
    for batch, store in (
        ("batch_count_max", "store_count_max"),
        ("batch_bytes_max", "store_bytes_max"),
    ):
        most = max(1, values[store] // 4)
        if values[store] and values[batch] > most:
            values[batch], origins[batch] = most, f"a quarter of {store}"


def _raise_if(wrong: list[str]) -> None:
    if wrong:
        raise ConfigError("; ".join(wrong))


def _convert(name: str, value: Any, layer: str, wrong: list[str]) -> Any:
    setting = SETTINGS.get(name)
    if setting is None:
        if name not in _BESIDE:
            wrong.append(f"unknown setting {name!r} in {layer}{_near(name)}")
        return None
    try:
        return _typed(setting, value)
    except ConfigError as error:
        wrong.append(f"{error} (from {layer})")
        return None


def _near(name: str) -> str:
    close = difflib.get_close_matches(name, SETTINGS, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(SETTINGS)}"


def _typed(setting: Setting, value: Any) -> Any:
    name, kind = setting.name, setting.kind
    if kind == "duration":
        return _in_range(setting, parse_duration(value, name), format_duration)
    if kind == "bytes":
        return int(_in_range(setting, parse_size(value, name), lambda n: format_size(int(n))))
    if kind in ("count", "ratio"):
        return _in_range(setting, _number(setting, value), "{:g}".format)
    if kind == "choice":
        value = _switch(setting, value)
        if value not in setting.choices:
            raise ConfigError(f"{name} must be one of {', '.join(setting.choices)}, got {value!r}")
        return value
    if kind == "url":
        return _replica(name, value)
    if kind == "name":
        return _name(name, value)
    if kind == "queue":
        return validate_queue_name(value)
    if kind == "transports":
        return _transports(name, value)
    return _flag(name, value) if kind == "flag" else _weights(name, value)


def _switch(setting: Setting, value: Any) -> Any:
    """Reads 1, true, no, ... where on and off are among the choices."""
    if "on" not in setting.choices:
        return value
    try:
        return "on" if _flag(setting.name, value) else "off"
    except ConfigError:
        return value


def _number(setting: Setting, value: Any) -> float:
    kind = int if setting.kind == "count" else float
    try:
        if isinstance(value, bool) or not isinstance(value, (str, int, kind)):
            raise ValueError
        return kind(value.replace("_", "") if isinstance(value, str) else value)
    except ValueError:
        raise ConfigError(f"{setting.name} must be a number, got {value!r}") from None


def _in_range(setting: Setting, value: float, show: Any) -> float:
    if not setting.least <= value <= setting.most:
        least, most = show(setting.least), show(setting.most)
        raise ConfigError(f"{setting.name} must be from {least} to {most}, got {show(value)}")
    return value


def _name(name: str, value: Any) -> str:
    if not isinstance(value, str) or not _PLAIN_NAME.fullmatch(value):
        raise ConfigError(
            f"{name} must be a to z, 0 to 9 and _, at most 50, no digit first, got {value!r}"
        )
    return value


def _replica(name: str, value: Any) -> StoreUrl | str:
    """Reads the URL of another server; "" is none. Options in it are libpq's alone."""
    if isinstance(value, StoreUrl):
        return value
    if value == "":
        return ""
    url = parse_url(str(value), hosts="any")  # a standby takes no writes
    if url.scheme != "postgresql" or url.options:
        raise ConfigError(f"{name} must be a postgresql:// URL without settings, got {url}")
    return url


def _flag(name: str, value: Any) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True,
             "0": False, "false": False, "no": False, "off": False}  # fmt: skip
    found = value if isinstance(value, bool) else words.get(str(value).strip().lower())
    if found is None:
        raise ConfigError(f"{name} must be true or false, got {value!r}")
    return bool(found)


def _weights(name: str, value: Any) -> dict[str, int]:
    """Reads {"emails": 3} or the text "emails=3,clicks=1"."""
    try:
        if isinstance(value, str):
            parts = (part.rpartition("=") for part in value.split(",") if part.strip())
            value = {queue.strip(): int(share) for queue, _, share in parts}
        weights = {str(queue): int(share) for queue, share in dict(value).items()}
    except (TypeError, ValueError):
        raise ConfigError(f"{name} must be like 'emails=3,clicks=1', got {value!r}") from None
    if any(not 1 <= share <= 1000 for share in weights.values()):
        raise ConfigError(f"{name}: each weight must be from 1 to 1000, got {value!r}")
    return weights


def _transports(name: str, value: Any) -> dict[str, str]:
    """Reads {"clicks": "fast"} or the text "clicks=fast,emails=default"."""
    try:
        if isinstance(value, str):
            parts = (part.rpartition("=") for part in value.split(",") if part.strip())
            value = {queue.strip(): transport.strip() for queue, _, transport in parts}
        return {validate_queue_name(each): _name(name, at) for each, at in dict(value).items()}
    except (TypeError, ValueError):
        raise ConfigError(
            f"{name} must be like 'clicks=fast,emails=default', got {value!r}"
        ) from None


def _read_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    found = {
        name[len(_PREFIX) :].lower(): value
        for name, value in environ.items()
        if name.startswith(_PREFIX)
        and not name.startswith(URL_PREFIX)
        and name[len(_PREFIX) :] not in _NOT_SETTINGS
    }
    if _PREFIX + "PROFILE" in environ:
        found["profile"] = environ[_PREFIX + "PROFILE"]
    return found


def _read_toml(explicit: str | None, folder: Path) -> tuple[str, dict[str, Any]]:
    if explicit is not None:
        path = Path(explicit)
        if not path.is_file():
            raise ConfigError(f"MSGQ_CONFIG names {explicit!r}, which is no file")
        return str(path), _load_toml(path)
    own = folder / "msgq.toml"
    if own.is_file():
        return "msgq.toml", _load_toml(own)
    project = folder / "pyproject.toml"
    if project.is_file():
        table = _load_toml(project, whole=True).get("tool", {}).get("msgq", {})
        return "pyproject.toml", dict(table)
    return "msgq.toml", {}


def _load_toml(path: Path, whole: bool = False) -> dict[str, Any]:
    toml: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        table: dict[str, Any] = toml.loads(path.read_text("utf-8"))
    except (toml.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path} cannot be read as TOML: {error}") from None
    if whole or path.name != "pyproject.toml":
        return table
    return dict(table.get("tool", {}).get("msgq", {}))


def take_supervisor() -> int:
    """Gives the process id of who supervises this process (not its children), 0 for nobody."""
    said = os.environ.pop(SUPERVISOR, "")
    return int(said) if said.isdecimal() else 0
