"""The table of settings agrees with itself, with the profiles and with the core."""

from __future__ import annotations

import pytest

import msgq
from msgq._settings import PROFILES, SETTINGS
from msgq.config import check_names, resolve


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_has_a_meaning_and_a_default_that_is_allowed(name: str) -> None:
    setting = SETTINGS[name]
    assert setting.name == name
    assert setting.meaning
    check_names({name: setting.default})


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_resolves(profile: str) -> None:
    config = resolve("memory://", {"profile": profile})
    for name, value in PROFILES[profile].items():
        assert config[name] == value
        assert config.origin(name) == f"profile {profile}"


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_runs(profile: str) -> None:
    with msgq.connect("memory://", profile=profile) as client:
        queue = client.queue("q")
        assert queue.enqueue(b"x").status == "persisted"
        (delivery,) = queue.claim(1, wait=5)
        delivery.ack()


def test_the_core_takes_every_core_setting() -> None:
    options = resolve("memory://").core_options()
    core = {setting.name for setting in SETTINGS.values() if setting.is_core}
    assert set(options) == {"scheme", "path", "dsn"} | core
    assert options["lease"] == 30_000
    assert SETTINGS["lease"].unit == "seconds"
    assert SETTINGS["inflight_bytes_max"].unit == "bytes"
