"""Dead letters for tests, made the ways that users make them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgq


def bury(
    queue: msgq.Queue, bodies: Iterable[Any], *, reason: str = "no", **options: Any
) -> list[str]:
    """Enqueues the bodies and rejects each; gives their ids, in the order of their deaths."""
    ids = []
    for body in bodies:
        sent = queue.enqueue(body, **options)
        (delivery,) = queue.claim(1, wait=5)
        assert delivery.id == sent.id
        delivery.reject(reason)
        ids.append(str(delivery.id))
    return ids


def fail(app: msgq.App, errors: Iterable[BaseException], *, queue: str = "fails") -> list[str]:
    """Runs the handler `shop.fails`, which raises these; gives the ids of the dead letters."""
    raised = iter(list(errors))

    @app.handler(queue=queue, name="shop.fails", retry=msgq.RetryPolicy(1))
    def fails(number: int) -> None:
        raise next(raised)

    ids = []
    with app.worker(concurrency=1) as worker:
        for number, _ in enumerate(errors):
            ids.append(str(fails.enqueue(number).id))
            worker.run_until_idle(20)
    return ids
