"""Every example of docs/cli.md is run by a shell, in a folder where what it names is there.

A worker that would run for ever gets --burst, a display that would refresh for ever --times 2, and
half a minute of bench becomes one second of it. What nobody handles is purged before a drain.
"""

from __future__ import annotations

import gzip
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import msgq

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
URL = "sqlite:///shop.db"
SHOP_DATABASE = "postgresql:///shop"
SHOP = """
import msgq

app = msgq.App()


@app.handler(queue="emails")
def send_email(to: str, subject: str) -> None: ...


@app.handler(queue="emails", name="*")
def any_email(body: object) -> None: ...


@app.handler(queue="orders", name="*")
def any_order(body: object) -> None: ...
"""


def examples() -> list[str]:
    """The indented lines behind each table of options; the one before it is the usage."""
    sections = PAGE.read_text("utf-8").split("\n## msgq ")[1:]
    behind = [section.partition("| `--json` |")[2] for section in sections]
    return [line.strip() for each in behind for line in each.splitlines() if line[:4] == " " * 4]


def made_to_end(example: str, dead: str) -> str:
    """The example as a test can run it, with the id of a message that is there."""
    if " worker " in example and "--burst" not in example:
        example += " --burst"
    if "--watch" in example:
        example += " --times 2 --interval 10ms"
    if " drain " in example:
        example = f"msgq purge emails --yes && {example}"
    if " subscription " in example and " create " not in example:
        example = f"msgq subscription create orders audit && {example}"
    return example.replace("0198c0de-...", dead).replace("--duration 30s", "--duration 1s")


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Runs it in bash, where `msgq` is the one under test."""
    environment = {**os.environ, "MSGQ_URL": URL, "PYTHON": sys.executable}
    head = 'set -o pipefail; msgq() { "$PYTHON" -m msgq "$@"; };'
    return subprocess.run(
        ["bash", "-c", f"{head} {script}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env=environment,
    )


@pytest.fixture
def dead() -> str:
    """A shop with a message that waits and a dead letter; gives the id of that."""
    Path("shop.py").write_text(SHOP)
    with gzip.open("orders.jsonl.gz", "wt") as out:
        out.write('{"order": 1}\n{"order": 2}\n')
    with msgq.connect(URL) as client:
        queue = client.queue("emails")
        letter = queue.enqueue("dead").id
        (delivery,) = queue.claim(1, wait=5)
        delivery.reject("no such address")
        queue.enqueue("waiting")
    return str(letter)


@pytest.mark.parametrize("example", examples())
def test_the_example_runs(example: str, dead: str, request: pytest.FixtureRequest) -> None:
    if SHOP_DATABASE in example:
        url = str(request.getfixturevalue("postgres_url"))
        msgq.connect(url).close()
        example = example.replace(SHOP_DATABASE, shlex.quote(url))
    if "yesterday.json" in example:
        assert run("msgq bench --messages 100 --json > yesterday.json").returncode == 0
    if " dead import " in example:
        script = "msgq dead export letters.jsonl && gzip --keep letters.jsonl"
        assert run(f"{script} && mv letters.jsonl.gz old.jsonl.gz").returncode == 0
    done = run(made_to_end(example, dead))
    # a bound of bench may be broken on a busy machine: then it says so, and that is its answer
    fine = (0, 1) if "--fail-if" in example else (0,)
    assert done.returncode in fine, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_has_an_example() -> None:
    assert len(examples()) >= PAGE.read_text("utf-8").count("\n## msgq ")
