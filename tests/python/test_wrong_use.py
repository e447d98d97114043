"""Wrong use, line by line: a typed error that says what to do, and nothing half-written."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import msgq
from tests.python.conftest import MakeApp


def test_unknown_url_scheme() -> None:
    with pytest.raises(msgq.ConfigError, match=r"'kafka'.*known: memory://, sync://, sqlite://"):
        msgq.App("kafka://host")


def test_path_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(msgq.StoreError, match="missing"):
        msgq.connect(f"sqlite:///{tmp_path}/missing/q.db")
    assert list(tmp_path.iterdir()) == []


def no_database(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def somebody_elses(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table x (y)")
    connection.close()


def newer(path: Path) -> None:
    msgq.connect(f"sqlite:///{path}", profile="test").close()
    with sqlite3.connect(path) as connection:
        connection.execute("pragma user_version = 999999")
    connection.close()


@pytest.mark.parametrize("make", [no_database, somebody_elses, newer])
def test_foreign_and_newer_files_are_refused_untouched(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "their.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(msgq.SchemaError, match=r"their\.db"):
        msgq.connect(f"sqlite:///{path}")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "name",
    ["", "x" * 256, "..", ".", "a\0b", "a\u202eb", "\u200fa", " a", "a ", "a\nb", "\x7f", "\ud800"],
)
def test_queue_names_that_are_refused(any_app: msgq.App, name: str) -> None:
    with pytest.raises(msgq.ConfigError):
        any_app.queue(name)
    with pytest.raises(msgq.ConfigError):

        @any_app.handler(queue=name)
        def handler(n: int) -> None: ...

    assert any_app.queues() == []


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "\U0001f680", "x" * 255, "é", "a.b", "select 1;--"]
)
def test_queue_names_that_are_fine_stay_apart(any_app: msgq.App, name: str, tmp_path: Path) -> None:
    any_app.queue(name).enqueue(b"mine")
    any_app.queue("other").enqueue(b"theirs")
    assert [each.body for each in any_app.queue(name).peek()] == [b"mine"]
    assert set(any_app.queues()) == {name, "other"}
    assert all(each.name.startswith("q.db") for each in tmp_path.iterdir())


def test_body_over_the_limit_gives_both_sizes(any_app: msgq.App) -> None:
    most = any_app.config["message_bytes_max"]
    with pytest.raises(msgq.PayloadError, match=rf"{most + 1}(.|\n)*{most}"):
        any_app.queue("q").enqueue(b"x" * (most + 1))
    assert any_app.queue("q").depth().depth == 0


def test_arguments_that_do_not_fit(any_app: msgq.App) -> None:
    @any_app.handler(queue="q", name="h")
    def handler(to: str, n: int = 1) -> None: ...

    calls: list[tuple[Any, str]] = [
        (lambda: handler.enqueue(), "missing .*'to'"),  # type: ignore[call-arg]
        (lambda: handler.enqueue("a", 1, 2), "positional"),  # type: ignore[call-arg]
        (lambda: handler.enqueue("a", m=2), "'m'"),  # type: ignore[call-arg]
        (lambda: handler.enqueue(3), "'to' of handler 'h' must be str, got int"),  # type: ignore[arg-type]
        (lambda: handler.enqueue("a", "b"), "'n' of handler 'h' must be int, got str"),  # type: ignore[arg-type]
        (lambda: handler.enqueue_many([("a",), (3,)]), "item 1: .* must be str"),
    ]
    for call, why in calls:
        with pytest.raises(msgq.PayloadError, match=why):
            call()
    assert any_app.queue("q").depth().depth == 0


def test_objects_that_cannot_be_encoded(any_app: msgq.App) -> None:
    with pytest.raises(msgq.PayloadError, match=r"body\['a'\]\[1\] cannot be encoded \(object\)"):
        any_app.queue("q").enqueue({"a": [1, object()]})
    assert any_app.queue("q").depth().depth == 0


@pytest.mark.parametrize("delay", [-1, math.nan, math.inf, datetime(2040, 1, 1), "soon"])  # noqa: DTZ001
def test_senseless_delays(any_app: msgq.App, delay: Any) -> None:
    @any_app.handler(queue="q")
    def handler(n: int) -> None: ...

    for call in (lambda: handler.using(delay=delay), lambda: msgq.Retry(delay),
                 lambda: any_app.queue("q").enqueue(b"x", delay=delay),
                 lambda: any_app.queue("q").enqueue_many([b"x"], delay=delay)):  # fmt: skip
        with pytest.raises(msgq.ConfigError, match="delay"):
            call()
    assert any_app.queue("q").depth().depth == 0


def test_a_handler_declared_twice(app: msgq.App) -> None:
    def handler(n: int) -> None: ...

    app.handler()(handler)
    with pytest.raises(msgq.ConfigError, match=r"declared already, by .*handler; give .* name="):
        app.handler()(handler)


def test_batch_settings_without_a_list_parameter(app: msgq.App) -> None:
    with pytest.raises(msgq.ConfigError, match=r"must take exactly one argument annotated list"):

        @app.handler(batch=msgq.Batch())  # type: ignore[arg-type]
        def handler(n: int) -> None: ...


def test_ack_twice_after_the_lease_and_after_close(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    queue.enqueue_many([b"a", b"b"])
    first, second = queue.claim(2, wait=5, lease=0.2)
    first.ack()
    with pytest.raises(msgq.LeaseLostError, match=r"already settled"):
        first.ack()
    (again,) = queue.claim(1, wait=10)
    with pytest.raises(msgq.LeaseLostError):
        second.ack()
    any_app.close()
    with pytest.raises(msgq.ClosedError):
        again.ack()


FORK = """
import os, msgq
app = msgq.App("sqlite:///q.db", profile="test")
queue = app.queue("q")
queue.enqueue(b"x")
(delivery,) = queue.claim(1, wait=5)
later = queue.enqueue_later(b"y")
child = os.fork()
calls = [delivery.ack, lambda: queue.enqueue(b"y"), lambda: queue.claim(1), app.stats]
if child == 0:
    status = 0
    for call in calls:
        try:
            call()
            status = 1
        except msgq.ClosedError as error:
            status = status or (0 if "fork" in str(error) else 2)
    with msgq.App("sqlite:///own.db", profile="test") as own:
        own.queue("r").enqueue(b"of the child")
    os._exit(status)
assert os.waitpid(child, 0)[1] == 0
delivery.ack()
later.wait(5)
assert queue.depth().done == 1
print("fine")
"""


def test_use_in_a_forked_child() -> None:
    assert run_program(FORK) == "fine\n"


EXIT = """
import atexit, msgq
app = None
def late():
    try:
        app.queue("q").enqueue(b"x")
        print("enqueued")
    except msgq.ClosedError as error:
        print("refused:", error)
    try:
        msgq.connect("memory://")
        print("opened")
    except msgq.ClosedError as error:
        print("refused:", error)
atexit.register(late)  # before msgq registers: runs after it
app = msgq.App("sqlite:///q.db", profile="test")
app.queue("q").enqueue(b"x")
"""


def test_enqueue_inside_atexit() -> None:
    out = run_program(EXIT).splitlines()
    assert len(out) == 2
    assert all(each.startswith("refused:") for each in out)
    assert "exiting" in out[1]


def run_program(text: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_closed_app(any_app: msgq.App) -> None:
    any_app.open()
    any_app.close()
    with pytest.raises(msgq.ClosedError, match="closed"):
        any_app.queue("q").enqueue(b"x")


def test_a_worker_with_no_handlers(app: msgq.App) -> None:
    with pytest.raises(msgq.ConfigError, match=r"no handlers; declare some with @app.handler"):
        app.worker()
    with pytest.raises(msgq.ConfigError, match="no handlers"):
        app.run()

    @app.handler(queue="a")
    def handler(n: int) -> None: ...

    with pytest.raises(msgq.ConfigError, match=r"no handler for queue .b.; there are .*a"):
        app.worker(["b"])
    for wrong in (0, -1, True, 10**6):
        with pytest.raises(msgq.ConfigError, match="concurrency"):
            app.worker(concurrency=wrong)


def test_unknown_options_in_files_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSGQ_LEESE", "5s")
    with pytest.raises(msgq.ConfigError, match=r"'leese' in environment; did you mean 'lease'"):
        msgq.connect("memory://")
    monkeypatch.delenv("MSGQ_LEESE")
    (tmp_path / "msgq.toml").write_text("linger_ms = 5\n")
    with pytest.raises(msgq.ConfigError, match=r"'linger_ms' in msgq.toml; did you mean 'linger'"):
        msgq.connect("memory://")


@pytest.mark.parametrize(
    ("name", "value"), [("lease", "5 parsecs"), ("inflight_bytes_max", "5 fathoms")]
)
def test_bad_units(name: str, value: str) -> None:
    with pytest.raises(msgq.ConfigError, match=rf"{name} '{value}' is not a .*such as"):
        msgq.App("memory://", **{name: value})


def test_json_100_000_deep(any_app: msgq.App) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    @any_app.handler(queue="q", name="h")
    def handler(value: Any) -> None: ...

    for call in (
        any_app.queue("q").enqueue,
        handler.enqueue,
        lambda v: handler.enqueue_many([(v,)]),
    ):
        with pytest.raises(msgq.PayloadError, match="nested too deeply"):
            call(deep)
    while deep:
        deep = deep[0]
    any_app._opened().enqueue_wait("q", "", 1, b"[" * 100_000 + b"]" * 100_000)
    (delivery,) = any_app.queue("q").claim(1, wait=5)
    with pytest.raises(msgq.PayloadError, match="nested too deeply"):
        delivery.value()
    assert len(delivery.body) == 200_000
    delivery.reject("too deep")


def test_a_setting_that_is_no_setting(make_app: MakeApp) -> None:
    with pytest.raises(msgq.ConfigError, match="did you mean 'concurrency'"):
        make_app(concurency=3)
