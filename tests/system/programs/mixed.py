"""A producer and claimer in one: sends five, claims five, settles each, tells how long a turn took.

Orders: settings, turns (0: until the end of its input).
"""

from __future__ import annotations

import time

import msgq
from tests.oracle import Recorder
from tests.system.programs.common import body_of, checksum, heard, key_of, recorder, say, spec
from tests.system.programs.produce import send

_VERDICTS = ("ack", "ack", "ack", "retry")


def settle(record: Recorder, delivery: msgq.Delivery, since_ns: int, number: int) -> None:
    """Acknowledge a delivery, or now and then give it back."""
    key, lease = key_of(delivery.body), str(delivery.fence)
    headers = dict(delivery.headers)
    assert delivery.body == body_of(key)
    record.received(key, delivery.attempt, lease, checksum(delivery.body, headers),
                    since_ns=since_ns)  # fmt: skip
    verdict = _VERDICTS[number % len(_VERDICTS)] if delivery.attempt == 1 else "ack"
    try:
        with record.settle(key, lease, verdict):
            delivery.ack() if verdict == "ack" else delivery.retry()
    except msgq.LeaseLostError:
        say("lease_lost", key=key)


def main() -> None:
    with recorder() as record, msgq.connect(**spec.get("settings", {})) as client:
        queue = client.queue(spec["queue"])
        turn, most = 0, spec.get("turns", 0)
        say("ready")
        while not most or turn < most:
            began = time.monotonic()
            send(queue, record, turn, 5)
            since_ns = time.monotonic_ns()
            for number, delivery in enumerate(queue.claim(5, wait=0, lease=10)):
                settle(record, delivery, since_ns, number)
            turn += 1
            say("turned", turn=turn, took_s=time.monotonic() - began)
            if heard(0.0):
                break
        say("over", turns=turn)


if __name__ == "__main__":
    main()
