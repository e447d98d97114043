"""A producer of messages that others send too: each of `ids` dedup ids once, some at a time.

Orders: ids, size (messages in one enqueue_many), settings of the client.
"""

from __future__ import annotations

import random

import msgq
from tests.system.programs.common import say, spec


def main() -> None:
    ids = [str(n) for n in range(spec["ids"])]
    random.shuffle(ids)
    with msgq.connect(**spec.get("settings", {})) as client:
        queue = client.queue(spec["queue"])
        say("ready")
        for start in range(0, len(ids), spec["size"]):
            some = ids[start : start + spec["size"]]
            sent = queue.enqueue_many([each.encode() for each in some], dedup=some)
            say("sent", ids=some, statuses=[each.status for each in sent])


if __name__ == "__main__":
    main()
