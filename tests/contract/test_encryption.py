"""SA24 to SA37, FA7: encrypted and signed bodies, none of which is built yet."""

from __future__ import annotations

import pytest

import msgq
from tests.contract.stores import Store
from tests.contract.verdicts import waits_for

SECONDS = 20.0


def unknown(store: Store, setting: str) -> None:
    """Checks that nobody is led to believe that it is in force."""
    with pytest.raises(msgq.ConfigError, match=f"unknown setting '{setting}'"):
        msgq.App(store.url, **{setting: "on"})


def test_sa32_encryption_is_off_by_default(app: msgq.App, name: str) -> None:
    """Encryption off by default: no overhead, the body is stored as it was sent."""
    queue = app.queue(name)
    queue.enqueue(b"plain")
    (seen,) = queue.peek()
    assert (seen.body, seen.headers, seen.content) == (b"plain", {}, "bytes")
    (delivery,) = queue.claim(1, wait=SECONDS)
    assert delivery.body == b"plain"
    delivery.ack()


def test_sa24_an_encrypted_round_trip_is_transparent(store: Store) -> None:
    """Encryption round trip transparent: identical plaintext, same API."""
    unknown(store, "encryption")
    waits_for("encryption")


def test_sa25_tampering_is_rejected(store: Store) -> None:
    """Tampering rejected: body, tag and associated data changes caught; no plaintext."""
    unknown(store, "encryption")
    waits_for("encryption")


def test_sa26_old_messages_are_rejected(store: Store) -> None:
    """Old messages rejected: 10 min refused, 2 min accepted at 5 min; can be turned off."""
    unknown(store, "encryption")
    waits_for("encryption")


def test_sa27_keys_rotate(store: Store) -> None:
    """Key rotation: old and new keys both decrypt; key id in envelope."""
    unknown(store, "encryption")
    waits_for("encryption")


def test_sa28_a_missing_key_is_its_own_error(store: Store) -> None:
    """Missing key is its own error: names the key id."""
    unknown(store, "encryption")
    waits_for("encryption")


def test_sa29_nonce_replay_is_refused(store: Store) -> None:
    """Nonce replay refused when tracking on: TTL of cache, off by default."""
    unknown(store, "encryption")
    waits_for("encryption")


def test_sa30_metadata_stays_clear(store: Store) -> None:
    """Metadata stays clear: session, correlation, message id readable."""
    unknown(store, "encryption")
    waits_for("encryption")


def test_sa31_key_bytes_are_protected(store: Store) -> None:
    """Key bytes protected: zeroed, never logged."""
    unknown(store, "encryption")
    waits_for("encryption")


def test_sa33_there_is_a_version_field(store: Store) -> None:
    """Version field: version 1 known, unknown refused."""
    unknown(store, "encryption")
    waits_for("encryption")


def test_sa34_verification_takes_constant_time(store: Store) -> None:
    """Constant-time verification: no timing leak."""
    unknown(store, "encryption")
    waits_for("encryption")


def test_sa35_mixed_modes_are_detected(store: Store) -> None:
    """Mixed mode detection: marker QRE1, labelled counters, warning on plaintext."""
    unknown(store, "encryption")
    waits_for("encryption")


def test_sa36_a_sender_without_encryption_warns(store: Store) -> None:
    """Encryption disabled sender warns: plain body, labelled counter."""
    unknown(store, "encryption")
    waits_for("encryption")


def test_sa37_the_plaintext_policy_reject(store: Store) -> None:
    """Plaintext policy Reject enforced: UnencryptedMessage error, not processed."""
    unknown(store, "encryption")
    waits_for("encryption")


def test_fa7_altered_messages_are_refused(store: Store) -> None:
    """Unsigned or altered messages are refused before decoding."""
    unknown(store, "signing")
    waits_for("signing")
