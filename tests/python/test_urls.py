"""Which transports there are and which URL each has: from code, environment and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import msgq
from msgq.config import resolve
from tests.support.cli import ok

BOTH = {"default": "memory://", "fast": "sqlite:///fast.db"}


def test_each_layer_may_name_some(tmp_path: Path) -> None:
    (tmp_path / "msgq.toml").write_text(
        'url = "sqlite:///file.db"\nqueue_transports = {clicks = "fast"}\n'
        '[urls]\nfast = "sqlite:///slow.db"\nfar = "sqlite:///far.db"\n'
    )
    environ = {"MSGQ_URL_FAST": "memory://", "MSGQ_QUEUE_TRANSPORTS": "clicks=fast, logs=far"}
    config = resolve(environ=environ, folder=tmp_path)
    assert {name: str(url) for name, url in config.urls.items()} == {
        "default": "sqlite:///file.db", "fast": "memory://", "far": "sqlite:///far.db",
    }  # fmt: skip
    assert next(iter(config.urls)) == "default"
    assert config["queue_transports"] == {"clicks": "fast", "logs": "far"}
    code = resolve(urls=BOTH, environ=environ, folder=tmp_path)
    assert (str(code.url), str(code.urls["fast"])) == ("memory://", "sqlite:///fast.db")
    said = resolve(command_line={"url": "sync://"}, urls=BOTH, environ={}, folder=tmp_path)
    assert str(said.url) == "sync://"


def test_the_environment_names_the_default_one_too() -> None:
    environ = {"MSGQ_URL_DEFAULT": "memory://", "MSGQ_URL_FAST": "sync://"}
    assert resolve(environ=environ).url.scheme == "memory"
    assert resolve(environ={**environ, "MSGQ_URL": "sync://"}).url.scheme == "sync"


def test_settings_in_a_url_are_those_of_its_transport() -> None:
    app = msgq.App(urls={"default": "memory://?lease=7s", "fast": "memory://?lease=9s"}, grace=3)
    fast = app.at("fast")
    assert (app.config["lease"], fast.config["lease"]) == (7, 9)
    assert fast.config.origin("lease") == "url of fast"
    assert (app.config["grace"], fast.config["grace"]) == (3, 3)
    app.configure(lease="4s", url="sync://")
    assert (app.config["lease"], fast.config["lease"]) == (4, 4)
    assert (app.transport, fast.transport) == ("sync", "memory")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"urls": {"fast": "memory://"}}, "no default transport, only fast"),
        ({"urls": {}}, "names to URLs"),
        ({"urls": "memory://"}, "names to URLs"),
        ({"url": "memory://", "urls": BOTH}, "same transport"),
        ({"urls": {**BOTH, "2nd": "memory://"}}, "'2nd'"),
        ({"urls": {**BOTH, "far": "pigeon://"}}, r"pigeon.*\(transport 'far'\)"),
        ({"urls": {**BOTH, "far": "nothing"}}, r"no URL.*\(transport 'far'\)"),
    ],
)
def test_wrong_urls_are_refused_at_once(given: dict[str, Any], why: str) -> None:
    with pytest.raises(msgq.ConfigError, match=why):
        msgq.App(**given)
    with pytest.raises(msgq.ConfigError, match=why):
        msgq.connect(**given)


def test_a_default_in_the_environment_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSGQ_URL", "memory://")
    assert msgq.App(urls={"fast": "sync://"}).transports == ("default", "fast")


def test_a_later_transport_is_unsupported_and_named() -> None:
    with pytest.raises(msgq.UnsupportedError, match=r"amqp.*\(transport 'far'\)"):
        msgq.App(urls={"default": "memory://", "far": "amqp://host"})


def test_a_url_alone_is_one_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSGQ_URL_FAST", "sync://")
    monkeypatch.setenv("MSGQ_QUEUE_TRANSPORTS", "clicks=fast")
    app = msgq.App("memory://")
    assert app.transports == ("default",)
    assert app.queue("clicks").transport == "default"
    with pytest.raises(msgq.ConfigError, match="unknown transport 'fast'"):
        _ = msgq.App("memory://", queue_transports={"clicks": "fast"}).config


def test_a_name_stands_for_the_url_that_the_settings_give_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MSGQ_URL", "memory://")
    monkeypatch.setenv("MSGQ_URL_FAST", "sqlite:///fast.db?lease=9")
    fast = msgq.App("fast")
    assert (str(fast.config.url), fast.transports) == ("sqlite:///fast.db?lease=9", ("default",))
    assert fast.config["lease"] == 9
    assert msgq.App("default").transport == "memory"
    with pytest.raises(msgq.ConfigError, match="did you mean 'fast'"):
        msgq.App("fats")


def test_unknown_transports_are_refused_with_those_there_are() -> None:
    app = msgq.App(urls=BOTH)

    @app.handler(transport="fats")
    def handler(n: int) -> None: ...

    why = r"unknown transport 'fats'; there are default, fast; did you mean 'fast'\?"
    for call in (
        lambda: app.at("fats"),
        lambda: handler.enqueue(1),
        lambda: app.worker(),
        lambda: app.queue("q", transport="fats"),
        lambda: msgq.App(urls=BOTH, queue_transports={"q": "fats"}).config,
    ):
        with pytest.raises(msgq.ConfigError, match=why):
            call()
    with pytest.raises(msgq.ConfigError, match=r"'fast'; there are default$"):
        msgq.App("memory://").at("fast")


@pytest.mark.parametrize("value", [7, "clicks", {"clicks": "No Name"}, {"": "fast"}, "clicks="])
def test_a_wrong_map_of_queues_is_refused(value: object) -> None:
    with pytest.raises(msgq.ConfigError, match="queue_transports"):
        msgq.App(urls=BOTH, queue_transports=value)


def test_no_error_shows_a_password(tmp_path: Path) -> None:
    secret = "postgresql://ada:hunter2@localhost/db"
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "msgq.toml").write_text(f'urls = "{secret}"\n')
    app = msgq.App(urls={"default": "memory://", "far": secret})
    for call in (
        lambda: msgq.App(urls=secret),
        lambda: msgq.App(urls={secret: "default"}),
        lambda: msgq.App(urls={"default": "memory://", "far": f"{secret}?bad=1"}),
        lambda: app.at(secret),
        lambda: app.queue("q", transport=secret),
        lambda: resolve(environ={}, folder=wrong),
        lambda: resolve(environ={"MSGQ_URL_FAR": secret}, folder=tmp_path),
    ):
        with pytest.raises(msgq.ConfigError) as caught:
            call()
        assert "hunter2" not in str(caught.value)
    assert "hunter2" not in f"{app!r} {app.at('far')!r} {app.config!r}"


@pytest.mark.parametrize("text", ["urls = 7\n", 'urls = {fast = "memory://"}\n'])
def test_a_wrong_table_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "msgq.toml").write_text(text)
    with pytest.raises(msgq.ConfigError, match="urls"):
        resolve(environ={}, folder=tmp_path)


def test_the_command_line_shows_all_of_them() -> None:
    told = ok(
        "config", MSGQ_URL="memory://", MSGQ_URL_FAST="sync://", MSGQ_QUEUE_TRANSPORTS="a=fast"
    )
    assert told.lines[:2] == ["url: memory://", "url of fast: sync://"]
    assert "a=fast" in told.out
    answer = ok("config", "--json", MSGQ_URL="memory://", MSGQ_URL_FAST="sync://").json
    assert answer["urls"] == {"default": "memory://", "fast": "sync://"}
