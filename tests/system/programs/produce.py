"""A producer: sends parcels of messages, each written down before and after, until told to end.

Orders: parcel (messages in one enqueue_many), pace_s between parcels, or rate (messages a second,
whatever a call takes), count (0: until the end of its input), keys (how many keys of its own the
parcels take in turn; 0: none), again (each message has a dedup id; one parcel in so many is sent
once more, later), says (tell of each parcel, as is usual), settings of the client.
"""

from __future__ import annotations

import time
from typing import Any

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
    options: dict[str, Any] = {}
    if spec.get("keys"):
        options["key"] = f"{record.client}-{parcel % spec['keys']}"
    if spec.get("again"):
        options["dedup"] = keys
    if spec.get("says", True):
        say("sending", parcel=parcel)
    began = time.monotonic()
    try:
        queue.enqueue_many(bodies, headers=headers, **options)
    except msgq.MsgqError as error:
        outcome = record.outcome_of(error)
        say("refused", error=repr(error), outcome=outcome)
    else:
        outcome = "ok"
    took = time.monotonic() - began
    for call in calls:
        call.returned(outcome)
    return took


def send_again(queue: msgq.Queue, record: Recorder, parcel: int, size: int) -> None:
    """Send a parcel that was sent: nothing is stored, whatever became of it meanwhile."""
    ids = [f"{record.client}:{parcel}:{index}" for index in range(size)]
    headers = {"from": record.client}
    sent = queue.enqueue_many([body_of(each) for each in ids], headers=headers, dedup=ids)
    say("again", statuses=sorted({each.status for each in sent}))


def pause(began: float, parcels: int) -> float:
    """Give how long to wait before the next parcel."""
    if "rate" not in spec:
        return float(spec.get("pace_s", 0.0))
    due = began + parcels * float(spec["parcel"]) / float(spec["rate"])
    return max(0.0, due - time.monotonic())


def store_figures(client: msgq.Client) -> dict[str, object]:
    """What its engine says of the store: waits, errors, pools."""
    figures = client.stats(with_depth=False).to_dict()["store"]
    return {name: value for name, value in figures.items() if isinstance(value, (int, float))}


def main() -> None:
    with recorder() as record, msgq.connect(**spec.get("settings", {})) as client:
        queue = client.queue(spec["queue"])
        most, longest, parcel = spec.get("count", 0), 0.0, 0
        say("ready")
        began = time.monotonic()
        while not most or parcel * spec["parcel"] < most:
            longest = max(longest, send(queue, record, parcel, spec["parcel"]))
            if spec.get("again") and parcel % spec["again"] == 0:
                send_again(queue, record, max(0, parcel - 2 * spec["again"]), spec["parcel"])
            parcel += 1
            if heard(pause(began, parcel)):
                break
        say("sent", count=parcel * spec["parcel"], longest_s=longest, store=store_figures(client))


if __name__ == "__main__":
    main()
