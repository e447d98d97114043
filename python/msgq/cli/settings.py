"""`msgq config`: the settings in force here, and where each came from."""

from typing import Annotated

import typer

from msgq._settings import SETTINGS
from msgq.cli.options import Json, Url
from msgq.cli.output import print_json, print_table, print_text
from msgq.config import Config, resolve
from msgq.duration import format_duration, format_size


def config(
    with_origin: Annotated[
        bool, typer.Option("--origin", help="Say which layer decided each value.")
    ] = False,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not a default.")] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show every setting that is in force here; opens no store."""
    settings = resolve(url)
    names = [name for name in SETTINGS if not changed or settings.origin(name) != "default"]
    if as_json:
        urls = {name: str(each) for name, each in settings.urls.items()}
        records = [_record(settings, name) for name in names]
        print_json({"url": str(settings.url), "urls": urls, "settings": records})
        return
    print_text(f"url: {settings.url}")
    for name, each in list(settings.urls.items())[1:]:
        print_text(f"url of {name}: {each}")
    columns = ["setting", "value", *(["origin"] if with_origin else []), "meaning"]
    rows = []
    for name in names:
        origin = [settings.origin(name)] if with_origin else []
        rows.append([name, show(name, settings[name]), *origin, SETTINGS[name].meaning])
    print_table(columns, rows)


def show(name: str, value: object) -> str:
    """A setting's value in the unit people write it in."""
    kind = SETTINGS[name].kind
    if kind == "duration" and isinstance(value, int | float):
        return format_duration(value)
    if kind == "bytes" and isinstance(value, int):
        return format_size(value)
    if kind in ("weights", "transports") and isinstance(value, dict):
        return ",".join(f"{queue}={share}" for queue, share in value.items()) or "-"
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


def _record(settings: Config, name: str) -> dict[str, object]:
    setting = SETTINGS[name]
    return {
        "name": name,
        "value": str(settings[name]) if setting.kind == "url" else settings[name],
        "origin": settings.origin(name),
        "default": setting.default,
        "unit": setting.unit,
        "meaning": setting.meaning,
    }


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command(epilog="Example: msgq config --origin --changed")(config)
