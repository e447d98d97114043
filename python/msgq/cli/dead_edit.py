"""`msgq dead edit`: another body, other headers for a dead letter, which may go back with them."""

from typing import Annotated, Any

import typer

from msgq.cli.bodies import from_argument
from msgq.cli.options import Json, Url
from msgq.cli.output import print_json, print_text
from msgq.cli.store import dead_letter, existing, opened
from msgq.dead_edit import Changes
from msgq.errors import ConfigError, PayloadError
from msgq.message import Message


def edit(
    target: Annotated[str, typer.Argument(metavar="QUEUE|ID", help="Its queue; or its id alone.")],
    message_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Of the message, behind its queue.")
    ] = None,
    *,
    body: Annotated[
        str | None, typer.Option("--body", metavar="TEXT", help="The new one, written as it was.")
    ] = None,
    headers: Annotated[
        str | None, typer.Option("--headers", metavar="JSON", help="The new ones, as an object.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Send it again, in one commit.")] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Change body, headers or both of a dead letter; with --retry it is sent again.

    The body of a handler's message is the JSON of its arguments, as `msgq dead show` prints it.
    """
    if body is None and headers is None:
        raise ConfigError("say what is new: --body, --headers or both")
    with opened(url) as client:
        letter = dead_letter(client, target, message_id)
        changes: Changes = {}
        if body is not None:
            changes["body"] = _body(letter, body)
        if headers is not None:
            changes["headers"] = _headers(headers)
        queue = existing(client, letter.queue)
        (queue.redrive_edited if retry else queue.edit_dead)(letter.id, **changes)
    if as_json:
        print_json({"queue": letter.queue, "id": str(letter.id), "edited": sorted(changes),
                    "sent_again": retry})  # fmt: skip
    else:
        print_text(f"dead letter {letter.id} edited" + (" and sent again" if retry else ""))


def _body(letter: Message, text: str) -> Any:
    return from_argument(text) if letter.content == "msgpack" else text.encode()


def _headers(text: str) -> dict[str, Any]:
    found = from_argument(text, "--headers")
    if not isinstance(found, dict):
        raise PayloadError('--headers takes a JSON object, such as {"tenant": "Ada"}')
    return found


def register(group: typer.Typer) -> None:
    """Adds the command to `msgq dead`."""
    group.command(epilog=_EPILOG)(edit)


_EPILOG = """Examples:

msgq dead edit emails 0198c0de-... --body '["ada@example.org", "welcome"]' --retry

msgq dead edit 0198c0de-... --headers '{"tenant": "Ada"}'
"""
