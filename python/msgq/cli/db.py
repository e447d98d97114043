"""`msgq db`: the tables of a PostgreSQL store, made, shown and removed; other stores have none."""

from typing import Annotated, Any

import typer

from msgq._engine import core
from msgq.cli.options import Json, Url, Yes
from msgq.cli.output import print_json, print_text
from msgq.cli.store import confirmed
from msgq.config import Config, resolve
from msgq.errors import ConfigError

db = typer.Typer(no_args_is_help=True, help="The tables of a PostgreSQL store.")


def _asked(url: str | None) -> tuple[Config, dict[str, Any]]:
    config = resolve(url)
    return config, config.core_options()


@db.command(epilog="Example: msgq db status --url postgresql:///shop")
def status(url: Url = None, as_json: Json = False) -> None:
    """Show which version of the schema the database has, and which this msgq needs.

    Exit status 1 when they differ.
    """
    config, options = _asked(url)
    found, wanted = core().schema_version(options)
    schema = config["schema"]
    if as_json:
        print_json({"schema": schema, "version": found, "wanted": wanted})
    elif found == wanted:
        print_text(f"schema {schema} has version {found}, as this msgq needs")
    else:
        next_step = "upgrade msgq" if found > wanted else "msgq db upgrade"
        print_text(f"schema {schema} has version {found} of {wanted}: {next_step}")
    if found != wanted:
        raise typer.Exit(1)


@db.command(epilog="Example: msgq db upgrade --url postgresql:///shop")
def upgrade(url: Url = None, as_json: Json = False) -> None:
    """Make the tables, or bring them up to date, beside workers that run."""
    config, options = _asked(url)
    before, _ = core().schema_version(options)
    core().upgrade_schema(options)
    after, _ = core().schema_version(options)
    _changed(config["schema"], before, after, as_json)


@db.command(epilog="Example: msgq db downgrade --to 0 --yes --url postgresql:///shop")
def downgrade(
    to: Annotated[int, typer.Option("--to", metavar="VERSION", min=0, help="0 removes all.")],
    yes: Yes = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Go back to an earlier version of the schema; 0 removes the tables with all messages.

    Refused while a process uses them.
    """
    config, options = _asked(url)
    before, _ = core().schema_version(options)
    schema = config["schema"]
    if to > before:
        raise ConfigError(f"schema {schema} has version {before}; {to} is not behind that")
    if to not in (0, before):
        raise ConfigError(
            f"schema {schema} has version {before}; there is no way back to version {to}: "
            f"producers of version {to} go on beside version {before}; 0 removes everything"
        )
    if to < before:
        confirmed(f"Remove all tables of msgq in schema {schema!r} with all messages?", yes)
        core().remove_schema(options)
    _changed(schema, before, to, as_json)


@db.command(epilog="Example: msgq db sql --url postgresql:///shop > msgq.sql")
def sql(url: Url = None, as_json: Json = False) -> None:
    """Print the statements that make the tables, for people who run them by hand. Asks no server.

    Afterwards run workers with create_schema=false.
    """
    config, options = _asked(url)
    text = core().schema_text(options)
    if as_json:
        print_json({"schema": config["schema"], "sql": text})
    else:
        print_text(text.rstrip())


RoleOption = Annotated[list[str] | None, typer.Option(metavar="ROLE", show_default=False)]


@db.command(epilog="Example: msgq db grant --producer shop_web --sql --url postgresql:///shop")
def grant(
    *,
    producer: RoleOption = None,
    worker: RoleOption = None,
    viewer: RoleOption = None,
    only_sql: Annotated[
        bool, typer.Option("--sql", help="Print the statements, run none.")
    ] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Give roles of the database what they need and no more; each option may be repeated.

    Producers send; they read and change no table. Workers send and handle. Viewers read tables and
    views. Run it as the owner of the tables, again after each upgrade.
    """
    config, options = _asked(url)
    roles = {"producer": producer or [], "worker": worker or [], "viewer": viewer or []}
    statements = core().grant_roles(options, *roles.values(), not only_sql)
    if as_json:
        print_json({"schema": config["schema"], **roles, "sql": statements})
    elif only_sql:
        print_text("\n".join(f"{each};" for each in statements))
    else:
        for kind, names in roles.items():
            for name in names:
                print_text(f"role {name} is a {kind} of schema {config['schema']}")


def _changed(schema: str, before: int, after: int, as_json: bool) -> None:
    if as_json:
        print_json({"schema": schema, "before": before, "after": after})
    elif before == after:
        print_text(f"schema {schema} has version {after} already")
    else:
        print_text(f"schema {schema}: version {before} became {after}")


def register(app: typer.Typer) -> None:
    """Adds the group to `app`."""
    app.add_typer(db, name="db")
