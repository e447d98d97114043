"""`msgq config`."""

from pathlib import Path

from msgq._settings import SETTINGS
from tests.support.cli import call, ok


def test_shows_every_setting_with_its_unit() -> None:
    lines = ok("config").lines
    assert lines[0] == "url: sqlite:///msgq.db"
    shown = {line.split()[0]: line.split()[1] for line in lines[2:]}
    assert list(shown) == list(SETTINGS)
    assert shown["inflight_bytes_max"] == "64MiB"
    assert shown["lease"] == "30s"
    assert shown["strict_queues"] == "false"


def test_origin_says_which_layer_decided(tmp_path: Path) -> None:
    (tmp_path / "msgq.toml").write_text('lease = "1m"\nconcurrency = 3\nqueue_weights = {a = 2}\n')
    answer = ok(
        "config", "--json", "--changed", "--url", "sqlite:///x.db?linger=5ms", MSGQ_CONCURRENCY="5"
    )
    origins = {line["name"]: (line["value"], line["origin"]) for line in answer.json["settings"]}
    assert origins == {
        "lease": (60.0, "msgq.toml"),
        "concurrency": (5, "MSGQ_CONCURRENCY"),
        "linger": (0.005, "url"),
        "queue_weights": ({"a": 2}, "msgq.toml"),
    }
    table = ok("config", "--origin").out
    assert "msgq.toml" in table
    assert "a=2" in table


def test_msgq_url_is_honoured_and_the_option_wins() -> None:
    assert ok("config", "--json", MSGQ_URL="memory://").json["url"] == "memory://"
    answer = ok("config", "--json", "--url", "sync://", MSGQ_URL="memory://")
    assert answer.json["url"] == "sync://"


def test_secrets_are_masked() -> None:
    answer = call("config", "--url", "sqlite:///x.db?password=hunter2")
    assert "hunter2" not in answer.out + answer.err


def test_a_wrong_name_gets_a_near_miss() -> None:
    answer = call("config", MSGQ_LEESE="1m")
    assert answer.status == 2
    assert "did you mean 'lease'? Next: correct it" in answer.err
    assert answer.out == ""
