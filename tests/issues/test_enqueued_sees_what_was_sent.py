"""What a test has enqueued on memory:// is there when it looks, each time.

memory:// settles receipts at admission (ADR 0007), so that looking right after enqueueing could
come before the message; and a queue that was never sent to was an error instead of empty.
"""

from msgq import testing


def test_each_of_many_is_seen_at_once() -> None:
    with testing.memory_app() as app:

        @app.handler(queue="q", name="handle")
        def handle(number: int) -> None: ...

        assert testing.enqueued(app, "q") == testing.enqueued(handle) == []
        for number in range(200):
            handle.enqueue(number)
            assert len(testing.enqueued(handle)) == number + 1
        assert [message.value() for message in testing.enqueued(app)] == [[n] for n in range(200)]
