"""Interpreter exit: engines are closed, threads joined, whatever was going on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

BEGIN = """
import msgq, threading, asyncio, sys, os
app = msgq.App("sqlite:///q.db", profile="test")
started = threading.Event()
@app.handler(queue="q")
def handler(n: int) -> None:
    started.set()
    if n: threading.Event().wait()
@app.handler(queue="a")
async def coroutine(n: int) -> None:
    started.set()
    await asyncio.Event().wait()
"""
ENDS = {
    "nothing opened": "",
    "opened": "app.open()",
    "pending receipts": "r = [handler.enqueue_later(0) for _ in range(5000)]",
    "callbacks": "handler.enqueue_later(0).add_done_callback(print and (lambda r: None))",
    "worker runs": "w = app.worker().start(); handler.enqueue(0); started.wait()",
    "async handler waits": "w = app.worker().start(); coroutine.enqueue(0); started.wait()",
    "handler stuck": "w = app.worker().start(); handler.enqueue(1); started.wait()",
    "sys.exit in a thread": "def leave(): handler.enqueue(0); sys.exit(3)\n"
    "threading.Thread(target=leave).start()",
    "claims open": "handler.enqueue(0); d = app.queue('q').claim(1, wait=5)",
    "daemon thread enqueues": "def flood():\n    while True: handler.enqueue(0)\n"
    "threading.Thread(target=flood, daemon=True).start()",
}


OPENED_DURING_EXIT = """
import msgq, threading
from msgq import _lifecycle, client
opening, closing, opened = threading.Event(), threading.Event(), []
open_engine, close_quietly = client.open_engine, _lifecycle._close_quietly
def slowly(*given):
    opening.set()
    closing.wait()
    opened.append(open_engine(*given))
    return opened[0]
def told(each):
    closing.set()
    close_quietly(each)
def look():
    try: opened[0].queues()
    except msgq.ClosedError: print("closed")
client.open_engine, _lifecycle._close_quietly = slowly, told
threading.Thread(target=msgq.App("sqlite:///q.db").open, daemon=True).start()
opening.wait()
_lifecycle.at_exit(look)
"""


def python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_k6_exit_is_quick_and_clean(end: str) -> None:
    done = python(BEGIN + ENDS[end])
    assert done.returncode == 0, done.stderr
    assert "Fatal" not in done.stderr
    assert "terminate" not in done.stderr


def test_exit_waits_for_a_store_that_another_thread_is_opening() -> None:
    done = python(OPENED_DURING_EXIT)
    assert (done.returncode, done.stdout) == (0, "closed\n"), done.stderr


def test_importing_is_quick_and_connects_nothing() -> None:
    done = python("import sys, msgq; print(sorted(m for m in sys.modules if 'msgq' in m))")
    assert done.stdout.strip() == "['msgq']", done.stderr


def test_every_public_name_is_there() -> None:
    import msgq

    assert 25 <= len(msgq.__all__) <= 35
    for name in msgq.__all__:
        assert getattr(msgq, name) is not None
        assert name in dir(msgq)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        msgq.nonsense  # noqa: B018
