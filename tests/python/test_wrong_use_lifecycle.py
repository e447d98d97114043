"""Wrong use of apps, handlers and deliveries: settled twice, closed, forked, at exit."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import msgq
from tests.python.conftest import MakeApp


def one_number(n: int) -> None: ...


def a_bare_list(n: list) -> None: ...  # type: ignore[type-arg]


def a_list_and_more(n: list[int], m: int) -> None: ...


def nothing() -> None: ...


def test_a_handler_declared_twice(app: msgq.App) -> None:
    def handler(n: int) -> None: ...

    app.handler()(handler)
    with pytest.raises(msgq.ConfigError, match=r"declared already, by .*handler; give .* name="):
        app.handler()(handler)
    app.handler(queue="q", name="*")(one_number)
    with pytest.raises(msgq.ConfigError, match=r"'q:\*' is declared already"):
        app.handler(queue="q", name="*")(one_number)
    assert len(app.handlers) == 2


def test_a_handler_declared_without_names(app: msgq.App) -> None:
    declare: Any = app.handler
    with pytest.raises(msgq.ConfigError, match=r"write @app.handler\(\): .* by name"):
        declare(print)
    with pytest.raises(msgq.ConfigError, match="write queue='q'"):
        declare("q")


@pytest.mark.parametrize(
    ("name", "form"), [("delay", "enqueue"), ("apply_async", "using(...).enqueue")]
)
def test_a_call_of_another_queue_is_told_its_name_here(app: msgq.App, name: str, form: str) -> None:
    @app.handler(queue="q")
    def handler(n: int) -> None: ...

    with pytest.raises(AttributeError, match=re.escape(f"no {name!r}; write .{form}(")):
        getattr(handler, name)
    with pytest.raises(AttributeError, match=r"a handler has no 'enqueu'$"):
        getattr(handler, "enqueu")  # noqa: B009 (mypy would see it)


@pytest.mark.parametrize("function", [one_number, a_bare_list, a_list_and_more, nothing])
def test_batch_settings_without_a_list_parameter(app: msgq.App, function: Any) -> None:
    why = rf"{function.__name__}' must take exactly one argument annotated list\[...\], got \("
    with pytest.raises(msgq.ConfigError, match=why):
        app.handler(batch=msgq.Batch())(function)
    assert app.handlers == {}


def test_ack_twice_after_the_lease_and_after_close(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    queue.enqueue_many([b"a", b"b"])
    first, second = queue.claim(2, wait=5, lease=0.2)
    first.ack()
    with pytest.raises(msgq.LeaseLostError, match=rf"{first.id} of 'q' .*settled; nothing was"):
        first.ack()
    (again,) = queue.claim(1, wait=10)
    with pytest.raises(msgq.LeaseLostError):
        second.ack()
    assert (queue.depth().done, queue.depth().leased) == (1, 1)
    any_app.close()
    with pytest.raises(msgq.ClosedError, match="is closed here; open another client"):
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


def test_enqueue_inside_atexit_after_msgq_closed() -> None:
    out = run_program(EXIT).splitlines()
    assert len(out) == 2
    assert all(each.startswith("refused:") for each in out)
    assert "exiting" in out[1]


EXIT_BEFORE = """
import atexit, msgq
app = msgq.App("sqlite:///q.db", profile="test")
app.queue("q").enqueue(b"x")
atexit.register(lambda: print(app.queue("q").enqueue(b"late").status))
"""


def test_enqueue_inside_atexit_before_msgq_closes() -> None:
    assert run_program(EXIT_BEFORE) == "persisted\n"
    with msgq.connect("sqlite:///q.db") as client:
        assert [each.body for each in client.queue("q").peek()] == [b"x", b"late"]


def run_program(text: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


CLOSED = r"is closed( here)?; (open another client|make a new one)"


def test_a_closed_app(each_app: msgq.App) -> None:
    @each_app.handler(queue="q", name="h")
    def handler(n: int) -> None: ...

    queue = each_app.queue("q")
    each_app.open()
    each_app.close()
    calls: list[Callable[[], Any]] = [
        lambda: queue.enqueue(b"x"),
        lambda: queue.enqueue_later(b"x"),
        lambda: queue.enqueue_many([b"x"]),
        lambda: asyncio.run(awaited(lambda: queue.aenqueue(b"x"))),
        lambda: handler.enqueue(1),
        lambda: handler.enqueue_later(1),
        lambda: handler.enqueue_many([(1,)]),
        queue.peek, queue.dead, queue.depth, queue.purge, queue.redrive, queue.delete_dead,
        each_app.stats, each_app.queues, each_app.dead, each_app.open,
    ]  # fmt: skip
    if each_app.transport != "sync":
        calls += [queue.claim, queue.delete, each_app.run, each_app.worker().start]
    for call in calls:
        with pytest.raises(msgq.ClosedError, match=CLOSED):
            call()
    assert each_app.close()


async def awaited(make: Callable[[], Any]) -> Any:
    return await make()


def test_an_app_closed_before_its_first_use(each_app: msgq.App) -> None:
    each_app.close()
    with pytest.raises(msgq.ClosedError, match=CLOSED):
        each_app.queue("q").enqueue(b"x")


@pytest.mark.parametrize("wrong", ["many", 0, 2.5, True])
def test_a_worker_with_a_senseless_concurrency(app: msgq.App, wrong: Any) -> None:
    @app.handler(queue="q")
    def handler(n: int) -> None: ...

    with pytest.raises(msgq.ConfigError, match="concurrency must be from 1 to 10,000"):
        app.worker(concurrency=wrong)


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


def test_a_setting_that_is_no_setting(make_app: MakeApp) -> None:
    with pytest.raises(msgq.ConfigError, match="did you mean 'concurrency'"):
        make_app(concurency=3)
