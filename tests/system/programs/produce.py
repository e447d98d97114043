"""A producer: sends parcels of messages, each written down before and after, until told to end.

Orders: parcel (messages in one enqueue_many), pace_s between parcels, count (0: until the end of
its input), settings of the client.
"""

from __future__ import annotations

import time

import msgq
from tests.oracle import Recorder
from tests.system.programs.common import body_of, checksum, heard, recorder, say, spec


def send(queue: msgq.Queue, record: Recorder, parcel: int, size: int) -> float:
    """Send one parcel; gives how long the call took."""
    headers = {"from": record.client}
    keys = [f"{record.client}:{parcel}:{index}" for index in range(size)]
    bodies = [body_of(key) for key in keys]
    calls = [
        record.send(key, checksum(body, headers), parcel=parcel)
        for key, body in zip(keys, bodies, strict=True)
    ]
    say("sending", parcel=parcel)
    began = time.monotonic()
    try:
        queue.enqueue_many(bodies, headers=headers)
    except msgq.MsgqError as error:
        outcome = record.outcome_of(error)
        say("refused", error=repr(error), outcome=outcome)
    else:
        outcome = "ok"
    took = time.monotonic() - began
    for call in calls:
        call.returned(outcome)
    return took


def main() -> None:
    with recorder() as record, msgq.connect(**spec.get("settings", {})) as client:
        queue = client.queue(spec["queue"])
        most, longest, parcel = spec.get("count", 0), 0.0, 0
        say("ready")
        while not most or parcel * spec["parcel"] < most:
            longest = max(longest, send(queue, record, parcel, spec["parcel"]))
            parcel += 1
            if heard(spec.get("pace_s", 0.0)):
                break
        say("sent", count=parcel * spec["parcel"], longest_s=longest)


if __name__ == "__main__":
    main()
