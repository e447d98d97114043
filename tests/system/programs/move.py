"""A worker whose handler sends on what it gets, until the end of its input. Argument: the URL."""

from __future__ import annotations

import sys

import msgq


def main() -> None:
    app = msgq.App(sys.argv[1], profile="test", crashes_max=100)

    @app.handler(queue="from", name="move")
    def move(n: int) -> None:
        app.queue("to").enqueue(b"%d" % n)
        app.queue("log").enqueue_later(b"%d" % n)

    with app.worker(["from"]):
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
