"""Joins the command groups; turns every error of msgq into one line and an exit status."""

import json
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import msgq
from msgq.cli import (
    administer,
    bench,
    check,
    db,
    dead,
    enqueue,
    init,
    look,
    parked,
    queue,
    settings,
    subscription,
    worker,
)
from msgq.cli.exit_codes import Exit, ending_of
from msgq.cli.options import JSON_KEY
from msgq.cli.output import note, print_text
from msgq.errors import MsgqError


class Guarded(TyperGroup):
    """The group of all commands: no traceback for what msgq or the user can explain."""

    def invoke(self, ctx: Any) -> Any:
        """Runs a command; a typed error becomes one line on stderr and its exit status."""
        try:
            return super().invoke(ctx)
        except MsgqError as error:
            raise typer.Exit(_explain(error, as_json=bool(ctx.meta.get(JSON_KEY)))) from None
        except KeyboardInterrupt:
            note("msgq: interrupted")
            raise typer.Exit(Exit.INTERRUPTED) from None


def _explain(error: MsgqError, *, as_json: bool) -> int:
    ending = ending_of(error)
    text = " ".join(str(error).split())
    if as_json:
        record = {
            "error": type(error).__name__,
            "message": text,
            "next": ending.next_step,
            "exit": int(ending.exit),
        }
        note(json.dumps(record, ensure_ascii=False))
    else:
        end = "" if text.endswith((".", "?")) else "."
        note(f"msgq: {text}{end} Next: {ending.next_step}.")
    return int(ending.exit)


def _print_version(value: bool) -> None:
    if value:
        print_text(f"msgq {msgq.__version__}")
        raise typer.Exit


app = typer.Typer(
    name="msgq",
    cls=Guarded,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit statuses: docs/cli.md. Start with: msgq init shop",
)


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """msgq: a durable message queue for Python. No server to operate."""


for group in (
    worker,
    enqueue,
    look,
    dead,
    parked,
    queue,
    subscription,
    administer,
    settings,
    bench,
    check,
    db,
    init,
):
    group.register(app)


def run() -> None:
    """Runs the command line of this process."""
    app(prog_name="msgq", args=sys.argv[1:])
