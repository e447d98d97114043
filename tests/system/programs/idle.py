"""Idle workers: several apps in one process, a worker each, with nothing to do until told to end.

Orders: engines, queues (how many each serves), settings.
"""

from __future__ import annotations

import contextlib

import msgq
from tests.system.programs.common import heard, say, spec


def handle(body: bytes) -> None:
    """Nothing comes."""


def main() -> None:
    names = [f"{spec['queue']}-{number}" for number in range(spec["queues"])]
    with contextlib.ExitStack() as ends:
        for _ in range(spec["engines"]):
            app = msgq.App(**spec.get("settings", {}))
            for name in names:
                app.handler(queue=name, name="*")(handle)
            ends.enter_context(app)
            ends.enter_context(app.worker(concurrency=1))
        say("ready")
        while heard(600) != "end":
            continue
    say("left")


if __name__ == "__main__":
    main()
