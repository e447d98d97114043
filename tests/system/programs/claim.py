"""A claimer: takes messages with raw claims and does to them what it is told, one word a line.

Orders: count, lease_s, settings. Words: ack, retry, extend, reject (to the next delivery), end.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import msgq
from tests.system.programs.common import heard, say, spec


def act(word: str, delivery: msgq.Delivery) -> None:
    """Do one thing to one delivery and tell what came of it."""
    deeds: dict[str, Callable[[], None]] = {
        "ack": delivery.ack,
        "retry": delivery.retry,
        "extend": lambda: delivery.extend(60),
        "reject": delivery.reject,
    }
    try:
        deeds[word]()
    except msgq.MsgqError as error:
        say("did", word=word, outcome=type(error).__name__)
    else:
        say("did", word=word, outcome="ok")


def main() -> None:
    client = msgq.connect(**spec.get("settings", {}))
    found: list[msgq.Delivery] = []
    while len(found) < spec["count"]:
        found += client.queue(spec["queue"]).claim(
            spec["count"] - len(found), wait=30, lease=spec["lease_s"]
        )
    say("claimed", bodies=[each.body.decode() for each in found],
        attempts=[each.attempt for each in found],
        fences=[each.fence for each in found])  # fmt: skip
    waiting = iter(found)
    while (word := heard(600)) != "end":
        act(word, next(waiting))
    client.close()
    say("closed")
    os._exit(0)


if __name__ == "__main__":
    main()
