"""Each profile is one that the core takes.

`low-resource` once allowed fewer bytes in flight than one body may have, and so opened no store.
"""

import pytest

import msgq
from msgq._settings import PROFILES


@pytest.mark.parametrize("profile", PROFILES)
def test_a_store_opens_and_stores(profile: str) -> None:
    with msgq.connect("sqlite:///store.db", profile=profile) as client:
        assert client.queue("q").enqueue(1).status == "persisted"
