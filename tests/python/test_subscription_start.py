"""Where subscriptions begin, as people say it."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone

import pytest

from msgq.errors import ConfigError
from msgq.subscription_start import parse_start

ID = uuid.UUID("018f2b9c-0000-7000-8000-000000000000")


def test_words_ids_and_times() -> None:
    assert parse_start("latest") == (0, 0, b"")
    assert parse_start("earliest") == (1, 0, b"")
    assert parse_start(ID) == parse_start(str(ID)) == (3, 0, ID.bytes)
    at = datetime(2030, 1, 1, tzinfo=timezone.utc)
    assert parse_start(at) == parse_start("2030-01-01T00:00:00Z") == (2, 1893456000000, b"")
    assert parse_start("2h")[0] == 2


NAIVE = datetime(2030, 1, 1)  # noqa: DTZ001


@pytest.mark.parametrize("wrong", ["never", None, NAIVE, -1])
def test_what_is_neither_is_refused(wrong: object) -> None:
    with pytest.raises(ConfigError, match="a subscription begins at latest, earliest"):
        parse_start(wrong)  # type: ignore[arg-type]
