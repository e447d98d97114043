"""Writes the pages that are made from code: settings.md from the table of settings, cli.md from
the command line itself, features.md from features.toml and the tests it names. `make docs` runs it;
tests/docs/test_generated.py fails when a page is old.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgq._settings import PROFILES, SETTINGS
from msgq.cli.exit_codes import ENDINGS, MEANINGS
from msgq.cli.root import app
from msgq.cli.settings import show

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from docs.features import features_page  # noqa: E402 (found by the line above)

NOTICE = "<!-- Made by docs/generate.py from {source}; edit that, then run `make docs`. -->\n"

SETTINGS_HEAD = """# Settings

Each setting can be given in seven places; a later one wins:

1. its default,
2. a profile: `profile = "throughput"` in any of the places below,
3. a TOML file: what `MSGQ_CONFIG` names, else `msgq.toml`, else `[tool.msgq]` in `pyproject.toml`,
4. the environment: `MSGQ_` and the name in capitals, such as `MSGQ_LEASE=1m`,
5. the URL: `sqlite:///shop.db?lease=1m`,
6. code: `msgq.App(lease="1m")`,
7. the command line.

`msgq config --origin` shows what is in force and which of these said so. An unknown name is
refused, with the nearest known one. Durations are seconds or text (`250ms`, `30s`, `1h30m`), sizes
bytes or text (`64MiB`). The store itself is `MSGQ_URL`, or `url` in the TOML file, else `sqlite:///msgq.db`.
Further ones are `MSGQ_URL_FAST`, or `fast` in the table `[urls]`: a transport called fast. See
[routing.md](guides/routing.md).
Options of a `postgresql://` URL that are no settings are libpq's, such as `sslmode`.
"""

PROFILES_HEAD = """
## Profiles

A profile sets several settings together; anything said explicitly wins over it.
"""

CLI_HEAD = """# Command line

`msgq COMMAND --help` says the same as this page. Every command takes `--url` (or `MSGQ_URL`) and
`--json`; answers go to stdout, remarks and errors to stderr; questions are asked on terminals only
(`--yes` elsewhere). Shell completion: `msgq --install-completion`.
"""

EXITS_HEAD = """
## Exit statuses

A typed error is one line on stderr with the next step, never a traceback; with `--json` it is one
JSON object.

| status | meaning | errors |
|---|---|---|
"""

FEATURES_HEAD = """# What works where

Each feature on each store: *works*, *emulated*, *not offered* with the reason, or *not built
yet*. What is not offered raises `UnsupportedError`. PgBouncer stands for PostgreSQL behind it in
transaction mode. The last column names the tests, in `tests/` and in `tests/cpp/conformance`;
the page cannot be made when one of them is not there for a store on which something *works*.
"""


def settings_page() -> str:
    """The page of all settings and profiles."""
    rows = [
        f"| `{s.name}` | {_code(show(s.name, s.default))} | {_range(s)} | {s.meaning} |"
        for s in SETTINGS.values()
    ]
    table = ["| setting | default | range | meaning |", "|---|---|---|---|", *rows]
    names = list(PROFILES)
    touched = [name for name in SETTINGS if any(name in PROFILES[p] for p in names)]
    profiles = [f"| setting | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for name in touched:
        values = [
            _code(show(name, PROFILES[p][name])) if name in PROFILES[p] else "" for p in names
        ]
        profiles.append(f"| `{name}` | {' | '.join(values)} |")
    source = NOTICE.format(source="python/msgq/_settings.py")
    return "\n".join([source + SETTINGS_HEAD, *table, PROFILES_HEAD, *profiles, ""])


def _range(setting: Any) -> str:
    if setting.choices:
        return " or ".join(_code(choice) for choice in setting.choices)
    if setting.kind in ("count", "bytes", "duration", "ratio"):
        return f"{show(setting.name, setting.least)} to {show(setting.name, setting.most)}"
    words = {"flag": "`true` or `false`", "name": "`a` to `z`, `0` to `9`, `_`; 50 at most",
             "url": "a `postgresql://` URL"}  # fmt: skip
    return words.get(setting.kind, "`QUEUE=SHARE,...`")


def _code(text: str) -> str:
    return f"`{text}`"


def cli_page() -> str:
    """The page of all commands with their options, and the exit statuses."""
    from typer.main import get_command

    parts = [NOTICE.format(source="python/msgq/cli") + CLI_HEAD]
    for name, command in _commands(get_command(app), "msgq"):
        parts.append(_command_text(name, command))
    parts.append(EXITS_HEAD + "\n".join(_exits()) + "\n")
    return "\n".join(parts)


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        if hasattr(inner, "commands"):
            yield from _commands(inner, f"{path} {name}")
        else:
            yield f"{path} {name}", inner


def _command_text(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    usage = " ".join([name, *(_usage(argument) for argument in arguments)])
    lines = [f"\n## {name}\n", " ".join(command.help.split()) + "\n", f"    {usage}\n"]
    lines += ["| option | meaning |", "|---|---|"]
    lines += [f"| {_names(option)} | {_meaning(option)} |" for option in (*arguments, *options)]
    lines += ["", _example(command.epilog), ""]
    return "\n".join(lines)


def _usage(argument: Any) -> str:
    name = str(argument.metavar or argument.name.upper())
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _names(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{_escaped(_usage(param))}`"
    names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
    return names if param.is_flag else f"{names} {param.metavar}"


def _meaning(param: Any) -> str:
    default = param.default
    plain = (
        isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
    )
    text = _escaped(param.help or "")
    return f"{text} Default: {default}." if plain else text


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _example(epilog: str | None) -> str:
    text = (epilog or "").replace("Examples:", "").replace("Example:", "")
    return "\n".join(f"    {line.strip()}" for line in text.splitlines() if line.strip())


def _exits() -> Iterator[str]:
    for exit_code, meaning in MEANINGS.items():
        errors = [f"`{name}`" for name, ending in ENDINGS.items() if ending.exit == exit_code]
        yield f"| {int(exit_code)} | {meaning} | {', '.join(errors)} |"


def _features() -> str:
    return features_page(NOTICE.format(source="docs/features.toml") + FEATURES_HEAD)


PAGES = {"settings.md": settings_page, "cli.md": cli_page, "features.md": _features}


def main() -> int:
    """Writes every page, or with --check says which are out of date."""
    stale = [
        name
        for name, make in PAGES.items()
        if not (HERE / name).exists() or (HERE / name).read_text("utf-8") != make()
    ]
    if "--check" in sys.argv:
        print("\n".join(f"{name} is out of date; run: make docs" for name in stale) or "up to date")
        return int(bool(stale))
    for name in stale:
        (HERE / name).write_text(PAGES[name](), "utf-8")
        print(f"wrote docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
