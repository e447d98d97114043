"""`msgq worker MODULE:APP`: runs the handlers of an app until it is told to stop."""

import sys
from typing import Annotated

import typer

from msgq.app import App
from msgq.cli.exit_codes import Exit
from msgq.cli.logs import set_up_logging, stats_logged
from msgq.cli.options import Json, Url, duration
from msgq.cli.output import note
from msgq.cli.store import of_app
from msgq.supervisor import Supervisor, load_app, refuse_unshared

_EXAMPLE = """Examples:

msgq worker shop:app --processes 4 --log-stats 30s

msgq worker shop:app --queues emails,orders --burst
"""


def worker(
    target_name: Annotated[
        str, typer.Argument(metavar="MODULE:APP", help="Where the app is, such as shop:app.")
    ],
    *,
    queues: Annotated[
        str | None,
        typer.Option(
            "--queues", "-q", metavar="A,B", help="Only these; all of the app's otherwise."
        ),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", "-c", metavar="N", min=1, help="Handler threads a process."),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes", "-p", metavar="N", min=1, help="Processes, restarted if they die."
        ),
    ] = None,
    burst: Annotated[
        bool, typer.Option("--burst", help="End once nothing is waiting or due in the queues.")
    ] = False,
    grace: Annotated[
        float | None,
        typer.Option("--grace", parser=duration, metavar="DURATION", help="For running handlers."),
    ] = None,
    log_level: Annotated[
        str, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")
    ] = "info",
    log_stats: Annotated[
        float | None,
        typer.Option(
            "--log-stats", parser=duration, metavar="DURATION", help="Log counters so often."
        ),
    ] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Run the handlers of an app until SIGTERM or Ctrl-C; a second signal leaves at once.

    Logs go to stderr, as JSON lines with --json. Exit status 1 when handlers still ran after the
    grace time.
    """
    set_up_logging(log_level, as_json=as_json)
    app = of_app(load_app(target_name), url)
    wanted = [name.strip() for name in queues.split(",")] if queues is not None else None
    count = app.config["processes"] if processes is None else processes
    if count > 1:
        app.worker(wanted, concurrency)  # refuses what no process could run
        if _supervise(app, count, grace, burst=burst):
            note("msgq: a worker process did not end well; its own lines say why")
            raise typer.Exit(Exit.FAILED)
        return
    with stats_logged(app, log_stats):
        left = app.run(wanted, concurrency, processes=1, burst=burst, grace=grace)
    if left:
        note("msgq: handlers still ran after the grace time; their messages come again")
        raise typer.Exit(Exit.FAILED)


def _supervise(app: App, count: int, grace: float | None, *, burst: bool) -> int:
    """Runs this very command `count` times, each with one process."""
    refuse_unshared(app)
    command = [sys.executable, "-m", "msgq", *_without_processes(sys.argv[1:]), "--processes", "1"]
    seconds = app.config["grace"] if grace is None else grace
    return Supervisor(command, count, seconds).run(burst=burst)


def _without_processes(arguments: list[str]) -> list[str]:
    """The arguments less --processes N, in each way it can be written."""
    kept: list[str] = []
    is_value = False
    for argument in arguments:
        if is_value:
            is_value = False
        elif argument in ("--processes", "-p"):
            is_value = True
        elif not argument.startswith("--processes=") and not _is_short(argument):
            kept.append(argument)
    return kept


def _is_short(argument: str) -> bool:
    return argument.startswith("-p") and argument[2:].isdigit()


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command(epilog=_EXAMPLE)(worker)
