"""The command line as a whole: help, version, errors, exit statuses, weight."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import msgq
from tests.support.cli import Running, call, environment, ok, process

COMMANDS = [
    ["worker"], ["enqueue"], ["queues"], ["stats"], ["messages"], ["dead", "list"],
    ["dead", "show"], ["dead", "retry"], ["dead", "delete"], ["purge"], ["delete-queue"],
    ["backup"], ["config"], ["bench"], ["check"], ["init"],
]  # fmt: skip


FULL = "memory://?store_count_max=10&overflow=raise"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_and_json(command: list[str]) -> None:
    text = ok(*command, "--help").out
    assert "Example" in text
    assert " ".join(["msgq", *command]) in " ".join(text.split())
    assert "--json" in text
    assert command == ["init"] or "--url" in text


def test_no_command_is_missing_here() -> None:
    text = ok("--help").out
    assert all(command[0] in text for command in COMMANDS)


def test_version() -> None:
    assert ok("--version").out == f"msgq {msgq.__version__}\n"
    assert process("--version", cwd=Path.cwd()).out == f"msgq {msgq.__version__}\n"


def test_no_arguments_show_help() -> None:
    assert "Usage" in call().out + call().err


def test_shell_completion_is_written_for_the_shell_that_asks() -> None:
    script = f'"{sys.executable}" -m msgq --show-completion; exit $?'
    done = subprocess.run(
        ["bash", "-c", script], env=environment(), capture_output=True, text=True, check=True
    )
    assert "_MSGQ_COMPLETE=complete_bash" in done.stdout


def test_shell_completion_knows_the_commands() -> None:
    completed = process(
        cwd=Path.cwd(), _MSGQ_COMPLETE="complete_bash", COMP_WORDS="msgq que", COMP_CWORD="1"
    )
    assert "queues" in completed.out


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["queues", "--url", "carrier-pigeon://x"], 2, "known: memory://, sync://, sqlite://"),
        (["queues", "--url", "amqp:///x"], 8, "not built into this version"),
        (["enqueue", "q", "1", "--url", "sqlite:////proc/x.db"], 5, "Next: "),
        (["frobnicate"], 2, "No such command"),
        (["queues", "--frob"], 2, "No such option"),
        (["enqueue", "q", "1", "--count", "99", "--url", FULL], 6, "start workers or try later"),
    ],
)
def test_an_error_is_one_line_and_a_status(arguments: list[str], status: int, text: str) -> None:
    answer = process(*arguments, cwd=Path.cwd())
    assert answer.status == status, answer.err
    assert text in answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""


def test_a_file_of_somebody_else_is_refused_and_untouched() -> None:
    Path("notes.db").write_bytes(b"my diary\n" * 1000)
    before = Path("notes.db").read_bytes()
    answer = call("enqueue", "q", "1", "--url", "sqlite:///notes.db", "--json")
    record = json.loads(answer.err)
    assert answer.status == record["exit"] == 5
    assert "notes.db" in record["message"]
    assert record["next"]
    assert Path("notes.db").read_bytes() == before
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["notes.db"]


def test_ctrl_c_ends_quietly() -> None:
    msgq.connect("sqlite:///x.db").close()
    with Running("stats", "--watch", "--json", "--url", "sqlite:///x.db") as watch:
        watch.out.readline()
        ended = watch.end(signal.SIGINT)
    assert ended.status == 130
    assert ended.err == "msgq: interrupted\n"


def test_importing_msgq_brings_no_command_line_library() -> None:
    script = (
        "import sys, msgq, msgq.cli, msgq.__main__\n"
        "msgq.App, msgq.connect\n"
        "print([name for name in ('typer', 'click', 'rich') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
