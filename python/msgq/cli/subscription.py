"""`msgq subscription`: named readers of a queue, each of which gets every message."""

from typing import Annotated

import typer

import msgq
from msgq.cli.options import Json, QueueName, Url, Yes
from msgq.cli.output import human_count, print_json, print_table, print_text
from msgq.cli.store import confirmed, existing, opened
from msgq.subscription import Subscription

Name = Annotated[str, typer.Argument(metavar="NAME", help="The subscription's name.")]
PLACE = "latest, earliest, a time, a duration back from now, or a message's id."

group = typer.Typer(no_args_is_help=True)


@group.callback()
def subscription() -> None:
    """Subscriptions of a queue: list, create and delete them, take one to another place."""


@group.command("list", epilog="Example: msgq subscription list orders")
def list_all(queue: QueueName, url: Url = None, as_json: Json = False) -> None:
    """List the subscriptions of a queue, with how far behind each is."""
    with opened(url) as client:
        found = existing(client, queue).subscriptions()
        rows = [(each, each.depth()) for each in found]
    if as_json:
        print_json(
            [
                {"subscription": each.subscription_name, "lag": depth.depth, "dead": depth.dead,
                 "oldest_age": depth.oldest_age, "is_paused": depth.is_paused}
                for each, depth in rows
            ]
        )  # fmt: skip
        return
    print_table(
        ("subscription", "lag", "dead"),
        [
            (each.subscription_name, human_count(depth.depth), human_count(depth.dead))
            for each, depth in rows
        ],
    )


@group.command(epilog="Example: msgq subscription create orders audit --start earliest")
def create(
    queue: QueueName,
    name: Name,
    *,
    start: Annotated[
        str, typer.Option("--start", metavar="PLACE", help=f"Where it begins: {PLACE}")
    ] = "latest",
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Make a subscription, and its queue where there is none. One that is there stays as it is."""
    with opened(url) as client:
        lag = client.queue(queue).subscribe(name, start).lag()
    if as_json:
        print_json({"queue": queue, "subscription": name, "lag": lag})
    else:
        print_text(f"subscription {name} of {queue}: {human_count(lag)} messages before it")


@group.command(epilog="Example: msgq subscription seek orders audit 2h --yes")
def seek(
    queue: QueueName,
    name: Name,
    place: Annotated[str, typer.Argument(metavar="PLACE", help=PLACE)],
    *,
    yes: Yes = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Take a subscription to another place. What it has parked or in hand is dropped."""
    with opened(url) as client:
        found = _existing(client, queue, name)
        confirmed(f"Take {found.name!r} to {place}, and drop what it has parked?", yes)
        lag = found.seek(place)
    if as_json:
        print_json({"queue": queue, "subscription": name, "lag": lag})
    else:
        print_text(f"subscription {name} of {queue}: {human_count(lag)} messages before it")


@group.command(epilog="Example: msgq subscription delete orders audit --yes")
def delete(
    queue: QueueName, name: Name, yes: Yes = False, url: Url = None, as_json: Json = False
) -> None:
    """Remove a subscription with its position, its retries and its dead letters."""
    with opened(url) as client:
        found = _existing(client, queue, name)
        confirmed(f"Remove the subscription {found.name!r} with its dead letters?", yes)
        found.delete()
    if as_json:
        print_json({"queue": queue, "subscription": name, "deleted": True})
    else:
        print_text(f"subscription {name} of {queue} deleted")


def _existing(client: msgq.Client, queue: str, name: str) -> Subscription:
    existing(client, queue)
    existing(client, f"{queue}@{name}")
    return client.queue(queue).subscription(name)


def register(app: typer.Typer) -> None:
    """Adds the group to `app`."""
    app.add_typer(group, name="subscription")
