"""Which dead letters a command means: the options of a filter, given to each command alike."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Final

import typer

import msgq
from msgq.cli.store import existing
from msgq.dead import DeadLetters

Criteria = dict[str, Any]
QueueOrAll = Annotated[
    str | None, typer.Argument(metavar="[QUEUE]", help="All queues when left out.")
]
AtMost = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="The oldest N of them.")
]

_AGE: Final = "as 2030-01-31T12:00Z, or so long ago: 30d, 2h."
_OPTIONS: Final = {
    "handler": ("--handler", "NAME", "Only those for this handler."),
    "error": ("--error", "CLASS", "Only those whose last attempt ended so, such as ValueError."),
    "reason": ("--reason", "TEXT", "Only those with this in their reason."),
    "text": ("--text", "TEXT", "Only those with this in body, headers, reason or an attempt."),
    "since": ("--since", "WHEN", f"Only those that died then or later; {_AGE}"),
    "until": ("--until", "WHEN", f"Only those that died then or before; {_AGE}"),
}


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Gives `command` an option for each criterion, in place of its parameter `criteria`."""
    signature = inspect.signature(command)
    own = [each for name, each in signature.parameters.items() if name != "criteria"]
    place = next(index for index, each in enumerate(own) if each.name == "url")
    added = [_parameter(name, *said) for name, said in _OPTIONS.items()]
    parameters = [*own[:place], *added, *own[place:]]

    @wraps(command)
    def run(**given: Any) -> None:
        command(criteria={name: given.pop(name) for name in _OPTIONS}, **given)

    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    run.__signature__ = signature.replace(parameters=keywords)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _parameter(name: str, option: str, metavar: str, text: str) -> inspect.Parameter:
    kind = Annotated[str | None, typer.Option(option, metavar=metavar, help=text)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def is_said(criteria: Criteria) -> bool:
    """Whether any criterion was given."""
    return any(each is not None for each in criteria.values())


def selected(
    client: msgq.Client, queue: str | None, criteria: Criteria, limit: int | None = None
) -> DeadLetters:
    """The dead letters that a command means. Raises NotFoundError for a queue that is not there."""
    if queue is not None:
        return existing(client, queue).dead_letters(limit=limit, **criteria)
    return client.dead_letters(limit=limit, **criteria)


def of(queue: str | None) -> str:
    """The queue in a sentence."""
    return "all queues" if queue is None else queue
