"""What the reference systems promise of sessions; msgq gives ordered keys instead, once built."""

from __future__ import annotations

import threading

import msgq
from tests.contract.verdicts import refuses, waits_for

SECONDS = 20.0


def test_sa7_session_messages_come_in_order(app: msgq.App, name: str) -> None:
    """Session messages A, B, C come back in that order: strict FIFO, other sessions parallel."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_sa8_emulated_sessions_behave_the_same(app: msgq.App, name: str) -> None:
    """Emulated sessions behave the same: group id as session, order kept, degrade politely."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_sa9_accept_session_gives_an_exclusive_lock(app: msgq.App, name: str) -> None:
    """Accept session gives an exclusive lock: one holder, renewed while active, freed on drop."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_sa10_an_idle_session_lock_expires(app: msgq.App, name: str) -> None:
    """Idle session lock expires: others can take it, the first holder gets lock-lost next."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_va1_session_exclusivity(app: msgq.App, name: str) -> None:
    """Session exclusivity: one holder at a time."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_va2_session_fifo(app: msgq.App, name: str) -> None:
    """Session FIFO: the order of sending is the order of handling."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_va6_group_order(app: msgq.App, name: str) -> None:
    """Group order: messages of one group are handled in the order they were sent."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ma_client_accepts_a_named_session(app: msgq.App, name: str) -> None:
    """The client accepts a named session."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ma_client_accepts_any_session(app: msgq.App, name: str) -> None:
    """The client accepts any session that has messages; nothing, at the timeout, if none has."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ma_session_is_fifo(app: msgq.App, name: str) -> None:
    """A session gives its messages first in, first out."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ma_session_has_its_id(app: msgq.App, name: str) -> None:
    """A session tells its id."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ma_session_expires_in_the_future(app: msgq.App, name: str) -> None:
    """A session's lock expires in the future."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ma_session_renewal_extends(app: msgq.App, name: str) -> None:
    """Renewing a session extends its lock."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ma_session_closing_releases(app: msgq.App, name: str) -> None:
    """Closing a session releases its lock."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ma_session_id_is_not_empty(app: msgq.App, name: str) -> None:
    """Session ids are not empty."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ma_session_id_has_up_to_128(app: msgq.App, name: str) -> None:
    """Session ids have up to 128 characters."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ma_session_id_is_printable_ascii(app: msgq.App, name: str) -> None:
    """Session ids are printable ASCII."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ma_message_session_is_preserved(app: msgq.App, name: str) -> None:
    """A message keeps its session."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ec6_a_stolen_session_lock(app: msgq.App, name: str) -> None:
    """Stolen session lock gives SessionLockLost."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ec7_no_session_available(app: msgq.App, name: str) -> None:
    """No session available gives nothing, at the timeout, and no error."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ec8_a_very_long_session(app: msgq.App, name: str) -> None:
    """Very long session: 1,000 and more messages, the lock kept."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ec9_concurrent_accept(app: msgq.App, name: str) -> None:
    """Concurrent accept: one wins, and it is fair."""
    refuses(app, name, key="session-1")
    waits_for("ordered keys")


def test_ma_key_unknown_field_gives_none(app: msgq.App, name: str) -> None:
    """An unknown field gives no key, and no error."""
    refuses(app, name, key="field")
    waits_for("key strategies")


def test_ma_key_is_idempotent(app: msgq.App, name: str) -> None:
    """The same message gives the same key twice."""
    refuses(app, name, key="field")
    waits_for("key strategies")


def test_ma_key_gives_the_full_list(app: msgq.App, name: str) -> None:
    """A strategy gives the full list of keys it reads."""
    refuses(app, name, key="field")
    waits_for("key strategies")


def test_ma_key_is_deterministic(app: msgq.App, name: str) -> None:
    """A key depends on the message alone."""
    refuses(app, name, key="field")
    waits_for("key strategies")


def test_ma_key_output_is_valid(app: msgq.App, name: str) -> None:
    """What a strategy gives is a valid key."""
    refuses(app, name, key="field")
    waits_for("key strategies")


def test_ma_key_is_thread_safe(app: msgq.App, name: str) -> None:
    """Strategies may be asked from any thread."""
    refuses(app, name, key="field")
    waits_for("key strategies")


def test_ma_key_single_field(app: msgq.App, name: str) -> None:
    """The key of a single field."""
    refuses(app, name, key="field")
    waits_for("key strategies")


def test_ma_key_composite(app: msgq.App, name: str) -> None:
    """The key of several fields together."""
    refuses(app, name, key="field")
    waits_for("key strategies")


def test_ma_key_fallback(app: msgq.App, name: str) -> None:
    """The first strategy that gives a key wins."""
    refuses(app, name, key="field")
    waits_for("key strategies")


def test_ma_key_no_ordering_rule(app: msgq.App, name: str) -> None:
    """A rule that says no ordering gives no key."""
    refuses(app, name, key="field")
    waits_for("key strategies")


def test_ma_key_none_means_parallel(app: msgq.App, name: str) -> None:
    """No key means parallel: messages without one are handled side by side."""
    together = threading.Barrier(4)

    @app.handler(queue=name, name=name, concurrency=4)
    def meeting(n: int) -> None:
        together.wait(SECONDS)  # passes only once four are inside

    meeting.enqueue_many(range(4))
    with app.worker(concurrency=4) as worker:
        worker.run_until_idle(SECONDS)
    assert app.queue(name).depth().done == 4
