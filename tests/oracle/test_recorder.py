"""The recorder: what a killed client leaves can be read; what was tampered with cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.oracle.event import HistoryError, fingerprint
from tests.oracle.history import read_client, read_histories
from tests.oracle.recorder import Recorder
from tests.oracle.verdict import judge

ROOT = Path(__file__).parents[2]


def test_calls_and_answers_are_joined(tmp_path: Path) -> None:
    with Recorder(tmp_path, "producer") as producer, producer.send("a", checksum="sum"):
        pass
    with Recorder(tmp_path, "worker") as worker:
        worker.received("a", 1, "lease", checksum="sum", until_ns=1 << 60)
        with worker.settle("a", "lease", "ack"):
            pass
    history = read_histories(tmp_path)
    assert [send.outcome for send in history.sends] == ["ok"]
    assert [settle.outcome for settle in history.settles] == ["ok"]
    assert history.deliveries[0].until_ns == 1 << 60
    assert judge(history).is_good


def test_exceptions_become_outcomes_and_unknown_is_the_default(tmp_path: Path) -> None:
    def outcome_of(error: BaseException) -> str:
        return "failed" if isinstance(error, ConnectionError) else "unknown"

    with Recorder(tmp_path, "producer", outcome_of) as producer:
        for message, error in (("a", ConnectionError("down")), ("b", OSError("down"))):
            with pytest.raises(OSError, match="down"), producer.send(message):
                raise error
    assert [send.outcome for send in read_histories(tmp_path).sends] == ["failed", "unknown"]


CLIENT = """
import sys
from pathlib import Path
from tests.oracle import Recorder
recorder = Recorder(Path(sys.argv[1]), "victim")
number = 0
while True:
    with recorder.send(str(number)):
        if number == 50:
            print("ready", flush=True)
    number += 1
"""


def test_killed_client_leaves_at_most_one_broken_line(tmp_path: Path) -> None:
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with client:
        assert client.stdout is not None
        client.stdout.readline()
        client.send_signal(signal.SIGKILL)
    history = read_histories(tmp_path)
    assert len(history.sends) > 50
    assert history.broken_lines <= 1
    assert sum(send.outcome == "unknown" for send in history.sends) <= 1


def _write_two_sends(folder: Path) -> Path:
    with Recorder(folder, "client") as client:
        for message in ("a", "b"):
            with client.send(message):
                pass
    return folder / "client.history"


def test_cut_last_line_is_counted_and_left_out(tmp_path: Path) -> None:
    path = _write_two_sends(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    history = read_histories(tmp_path)
    assert history.broken_lines == 1
    assert len(history.sends) == 2


def test_missing_line_is_refused(tmp_path: Path) -> None:
    path = _write_two_sends(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    with pytest.raises(HistoryError, match="says it is line"):
        read_client(path)


def test_line_broken_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = _write_two_sends(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0][:-9] + b"\n" + b"".join(lines[1:]))
    with pytest.raises(HistoryError, match="not an event"):
        read_client(path)


def test_answer_without_a_call_is_refused(tmp_path: Path) -> None:
    with Recorder(tmp_path, "client") as client:
        call = client.send("a")
        call._seq = 7
        call.returned("ok")
    with pytest.raises(HistoryError, match="never made"):
        read_histories(tmp_path)


def test_a_history_is_never_continued_by_another(tmp_path: Path) -> None:
    Recorder(tmp_path, "client").close()
    with pytest.raises(FileExistsError):
        Recorder(tmp_path, "client")


def test_forked_child_must_open_its_own(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "parent")
    child = os.fork()
    if child == 0:
        try:
            recorder.note("depth")
        except HistoryError:
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    recorder.close()


def test_fingerprint_covers_body_headers_and_type() -> None:
    sums = {
        fingerprint(b"ab"),
        fingerprint(b"a", {"b": ""}),
        fingerprint(b"", {"a": "b"}),
        fingerprint(b"", {"ab": ""}),
        fingerprint(b"ab", None, "json"),
        fingerprint(b"ab", {"a": "b"}),
    }
    assert len(sums) == 6
    assert fingerprint(b"x", {"a": "1", "b": "2"}) == fingerprint(b"x", {"b": "2", "a": "1"})


def test_command_prints_the_four_numbers(tmp_path: Path) -> None:
    _write_two_sends(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "tests.oracle", str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 1
    assert "2 lost, 0 unexpected, 0 duplicated (0 from resends), 0 recovered" in done.stdout
