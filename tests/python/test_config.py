"""Layers of settings: which wins, where it came from, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import msgq
from msgq.config import resolve

LAYERS = ["default", "profile latency", "msgq.toml", "MSGQ_POLL_MAX", "url", "code", "command line"]


@pytest.mark.parametrize("top", range(len(LAYERS)))
def test_each_layer_wins_over_those_before(top: int, tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    code: dict[str, Any] = {}
    line: dict[str, Any] = {}
    url = "memory://"
    if top >= 1:
        code["profile"] = "latency"
    if top >= 2:
        (tmp_path / "msgq.toml").write_text('poll_max = "2s"\n')
    if top >= 3:
        environ["MSGQ_POLL_MAX"] = "3s"
    if top >= 4:
        url = "memory://?poll_max=4s"
    if top >= 5:
        code["poll_max"] = 5
    if top >= 6:
        line["poll_max"] = "6s"
    config = resolve(url, code, line, environ=environ, folder=tmp_path)
    assert config["poll_max"] == [1.0, 0.1, 2.0, 3.0, 4.0, 5.0, 6.0][top]
    assert config.origin("poll_max") == LAYERS[top]
    assert config.origin("lease") == "default"


def test_the_url_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    assert str(resolve(environ={}, folder=tmp_path).url) == "sqlite:///msgq.db"
    (tmp_path / "pyproject.toml").write_text('[tool.msgq]\nurl = "sync://"\nlease = 7\n')
    config = resolve(environ={}, folder=tmp_path)
    assert (config.url.scheme, config["lease"]) == ("sync", 7)
    assert config.origin("lease") == "pyproject.toml"
    config = resolve(environ={"MSGQ_URL": "memory://"}, folder=tmp_path)
    assert config.url.scheme == "memory"


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    named = tmp_path / "other.toml"
    with pytest.raises(msgq.ConfigError, match="no file"):
        resolve(environ={"MSGQ_CONFIG": str(named)}, folder=tmp_path)
    named.write_text("lease = 9\n")
    assert resolve(environ={"MSGQ_CONFIG": str(named)}, folder=tmp_path)["lease"] == 9
    named.write_text("lease = = 9\n")
    with pytest.raises(msgq.ConfigError, match="TOML"):
        resolve(environ={"MSGQ_CONFIG": str(named)}, folder=tmp_path)


@pytest.mark.parametrize(
    ("environ", "toml", "url"),
    [
        ({"MSGQ_CONCURENCY": "3"}, "", "memory://"),
        ({}, "concurency = 3\n", "memory://"),
        ({}, "", "memory://?concurency=3"),
    ],
)
def test_unknown_names_are_refused_with_a_near_miss(
    environ: dict[str, str], toml: str, url: str, tmp_path: Path
) -> None:
    (tmp_path / "msgq.toml").write_text(toml)
    with pytest.raises(msgq.ConfigError, match=r"concurency.*did you mean 'concurrency'"):
        resolve(url, environ=environ, folder=tmp_path)


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    code = {"lease": -1, "overflow": "explode", "concurrency": "many", "profile": "warp"}
    with pytest.raises(msgq.ConfigError) as caught:
        resolve("memory://", code, environ={"MSGQ_GRACE": "10 parsecs"}, folder=tmp_path)
    for part in ("lease", "overflow", "concurrency", "warp", "grace", "environment", "code"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("concurrency", 0), ("concurrency", 10**6), ("concurrency", 1.5), ("lease", 0.01),
     ("batch_bytes_max", 0), ("strict_queues", "maybe"), ("queue_weights", "a=0"),
     ("queue_weights", 7), ("retry_jitter", 2), ("inflight_bytes_max", "64 fathoms")],
)  # fmt: skip
def test_values_out_of_range_name_field_value_and_limit(name: str, value: object) -> None:
    with pytest.raises(msgq.ConfigError, match=name):
        msgq.App("memory://", **{name: value})


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(msgq.ConfigError, match="poll_min"):
        resolve("memory://", {"poll_min": 2, "poll_max": 1}, environ={})


def test_blocks_are_small_beside_a_bounded_store() -> None:
    config = resolve("memory://", {"store_count_max": 100, "store_bytes_max": 4000}, environ={})
    assert (config["batch_count_max"], config["batch_bytes_max"]) == (25, 1000)
    assert config.origin("batch_count_max") == "a quarter of store_count_max"


def test_texts_are_read_by_kind(tmp_path: Path) -> None:
    environ = {
        "MSGQ_STRICT_QUEUES": "yes", "MSGQ_INFLIGHT_BYTES_MAX": "1MiB", "MSGQ_CONCURRENCY": "1_000",
        "MSGQ_QUEUE_WEIGHTS": "a=3, b=1", "MSGQ_RETRY_JITTER": "0.5",
    }  # fmt: skip
    config = resolve("memory://", environ=environ, folder=tmp_path)
    assert config["strict_queues"] is True
    assert config["inflight_bytes_max"] == 1 << 20
    assert config["concurrency"] == 1000
    assert config["queue_weights"] == {"a": 3, "b": 1}
    assert config["retry_jitter"] == 0.5
    assert "strict_queues" in repr(config)


def test_a_command_line_is_said_before_first_use_only() -> None:
    app = msgq.App("memory://", concurrency=3)
    app.configure(concurrency=5)
    assert app.config["concurrency"] == 5
    app.open()
    with pytest.raises(msgq.ClosedError, match="open already"):
        app.configure(concurrency=6)
    app.close()


@pytest.mark.parametrize(
    ("said", "means"),
    [("1", "on"), ("true", "on"), (True, "on"), ("0", "off"), ("no", "off"), ("auto", "auto")],
)
def test_a_switch_takes_what_flags_take(said: object, means: str) -> None:
    assert resolve("memory://", {"pgbouncer": said}, environ={})["pgbouncer"] == means
    with pytest.raises(msgq.ConfigError, match="pgbouncer must be one of auto, on, off"):
        resolve("postgresql://h/d?pgbouncer=perhaps", environ={})
