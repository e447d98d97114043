"""I4 of a history: messages of a key are handed out one at a time, in the order of sending.

A message may be handed out when for each before it a handler said that it is done with it
(acknowledged or rejected). It may come again after a later one only so: it was finished, and the
news was lost with its process.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from tests.oracle.history import Delivery, History

# A message's place: its key, and its number in the order of the key.
Place = tuple[str, tuple[int, ...]]


def broken_orders(history: History, place_of: Callable[[str], Place]) -> Iterator[str]:
    """Name each delivery that came too early, or while another of its key was in hand."""
    keys: dict[str, list[tuple[tuple[int, ...], str]]] = defaultdict(list)
    for send in history.sends:
        key, number = place_of(send.id)
        keys[key].append((number, send.id))
    deliveries = history.deliveries_by_id()
    for key, messages in keys.items():
        messages.sort()
        yield from _early(history, [message for _, message in messages])
        of_key = [each for _, message in messages for each in deliveries.get(message, [])]
        yield from _together(history, key, sorted(of_key, key=lambda each: each.seen_ns))


def _early(history: History, messages: list[str]) -> Iterator[str]:
    settles, deliveries = history.settles_by_id(), history.deliveries_by_id()
    free_ns, last = 0.0, ""
    for message in messages:
        for each in deliveries.get(message, []):
            if each.seen_ns < free_ns:
                yield f"{message} was handed out before {last} was done"
        done_ns = min(
            (each.called_ns for each in settles.get(message, []) if each.is_final),
            default=float("inf"),
        )
        if done_ns > free_ns:
            free_ns, last = done_ns, message


def _together(history: History, key: str, deliveries: list[Delivery]) -> Iterator[str]:
    called: dict[tuple[str, str], int] = {}
    for settle in history.settles:
        called.setdefault((settle.id, settle.lease), settle.called_ns)
    until_ns, before = 0.0, ""
    for each in deliveries:
        if each.seen_ns < until_ns and each.id != before:
            yield f"{each.id} and {before} of {key} were in hand at once"
        end_ns = min(
            called.get((each.id, each.lease), float("inf")),
            history.ended_ns.get(each.client, float("inf")),
        )
        if end_ns > until_ns:
            until_ns, before = end_ns, each.id
