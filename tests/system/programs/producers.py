"""Several producers in one process, each with a client, a thread and a history of its own.

Orders: count of clients, messages each of them sends, one by one; lanes they spread over.
"""

from __future__ import annotations

import threading

import msgq
from tests.system.programs.common import recorder, say, spec
from tests.system.programs.produce import send


def produce(name: str, begin: threading.Barrier) -> None:
    with recorder(name) as record, msgq.connect(lanes=spec["lanes"]) as client:
        queue = client.queue(spec["queue"])
        begin.wait()
        for number in range(spec["messages"]):
            send(queue, record, number, 1)


def main() -> None:
    names = [f"{spec['client']}.{number}" for number in range(spec["count"])]
    begin = threading.Barrier(len(names) + 1)
    threads = [threading.Thread(target=produce, args=(name, begin)) for name in names]
    for thread in threads:
        thread.start()
    begin.wait()
    say("ready")
    for thread in threads:
        thread.join()
    say("sent")


if __name__ == "__main__":
    main()
