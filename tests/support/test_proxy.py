"""Each thing that the proxy does to a connection, seen from both of its ends."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support import proxy as proxy_module
from tests.support.postgres import PostgresServer
from tests.support.proxy import Proxy, answer

PATIENCE_S = 20.0


class Ends:
    """A listening socket, the proxy before it, and connections through it."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE_S)
        self.proxy = Proxy(self.listener.getsockname()[1])
        self.open: list[socket.socket] = [self.listener]

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """A client's end and the server's."""
        client = socket.create_connection(("127.0.0.1", self.proxy.port), PATIENCE_S)
        server, _ = self.listener.accept()
        server.settimeout(PATIENCE_S)
        self.open += [client, server]
        return client, server

    def close(self) -> None:
        for each in self.open:
            each.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    with made.proxy:
        yield made
        made.close()


def read(end: socket.socket, count: int) -> bytes:
    """Exactly so many bytes, or fewer at the end of the stream."""
    got = b""
    while len(got) < count and (more := end.recv(count - len(got))):
        got += more
    return got


def is_silent(end: socket.socket) -> bool:
    """Whether there is nothing to read, not even an end."""
    end.setblocking(False)
    try:
        end.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    finally:
        end.settimeout(PATIENCE_S)
    return False


def test_without_toxics_it_is_a_wire(ends: Ends) -> None:
    client, server = ends.connect()
    long = bytes(range(256)) * 4096
    client.sendall(b"ask")
    assert read(server, 3) == b"ask"
    server.sendall(long)
    server.shutdown(socket.SHUT_WR)
    assert read(client, len(long) + 1) == long
    client.close()
    assert server.recv(1) == b""
    ends.proxy.wait("ended")
    counts = ends.proxy.counts()
    assert (counts["to_server_written"], counts["to_client_written"]) == (3, len(long))


def test_latency_makes_every_byte_late_and_keeps_the_order(ends: Ends) -> None:
    client, server = ends.connect()
    ends.proxy.set("to_server", latency=0.05, jitter=0.03)
    began = time.monotonic()
    for n in range(20):
        client.sendall(bytes([n]))
    assert read(server, 20) == bytes(range(20))
    assert time.monotonic() - began >= 0.02
    began = time.monotonic()
    server.sendall(b"answer")
    assert read(client, 6) == b"answer"


def test_bandwidth_lets_so_many_bytes_a_second_pass(ends: Ends) -> None:
    client, server = ends.connect()
    ends.proxy.set(bandwidth=10_000)
    began = time.monotonic()
    client.sendall(bytes(2_000))
    assert len(read(server, 2_000)) == 2_000
    assert time.monotonic() - began >= 0.1


def test_slices_arrive_one_by_one(ends: Ends) -> None:
    client, server = ends.connect()
    ends.proxy.set("to_client", slices=2, slice_delay=0.02)
    began = time.monotonic()
    server.sendall(b"abcdefgh")
    assert client.recv(100) == b"ab"
    assert read(client, 6) == b"cdefgh"
    assert time.monotonic() - began >= 0.05


def test_a_black_hole_holds_everything_until_it_is_gone(ends: Ends) -> None:
    client, server = ends.connect()
    ends.proxy.set(black_hole=True)
    client.sendall(b"ask")
    server.sendall(b"tell")
    ends.proxy.wait("to_server_read", 3)
    ends.proxy.wait("to_client_read", 4)
    client.shutdown(socket.SHUT_WR)
    ends.proxy.wait("client_gone")
    assert is_silent(server)
    assert is_silent(client)
    ends.proxy.clear()
    assert read(server, 4) == b"ask"
    assert read(client, 4) == b"tell"


def test_what_a_client_sent_can_arrive_after_it_has_gone(ends: Ends) -> None:
    client, server = ends.connect()
    client.sendall(b"early ")
    assert read(server, 6) == b"early "
    ends.proxy.set("to_server", late=True)
    client.sendall(b"late")
    ends.proxy.wait("to_server_read", 10)
    assert is_silent(server)
    server.sendall(b"still there?")
    assert read(client, 12) == b"still there?"
    client.close()
    assert read(server, 5) == b"late"


def test_or_when_the_test_says_so(ends: Ends) -> None:
    client, server = ends.connect()
    ends.proxy.set("to_server", black_hole=True)
    client.sendall(b"late")
    client.close()
    ends.proxy.wait("client_gone")
    assert is_silent(server)
    other, _ = ends.connect()
    other.sendall(b"x")
    ends.proxy.set("to_server", black_hole=False)
    assert read(server, 5) == b"late"


@pytest.mark.parametrize("toxic", ["limit", "cut"])
def test_a_connection_ends_after_so_many_bytes(ends: Ends, toxic: str) -> None:
    client, server = ends.connect()
    client.sendall(b"before")
    assert read(server, 6) == b"before"
    ends.proxy.set("to_server", **{toxic: 4})
    client.sendall(b"abcdefgh")
    assert read(server, 4) == b"abcd"
    for end in (client, server):
        if toxic == "cut":
            with pytest.raises(ConnectionResetError):
                end.recv(1)
        else:
            assert end.recv(1) == b""
    ends.proxy.wait("ended")


def test_a_reset_reaches_both_ends(ends: Ends) -> None:
    client, server = ends.connect()
    ends.proxy.wait("accepted")
    ends.proxy.reset()
    for end in (client, server):
        with pytest.raises(ConnectionResetError):
            end.recv(1)


def test_an_end_can_be_slow(ends: Ends) -> None:
    client, server = ends.connect()
    ends.proxy.set("to_server", slow_close=0.05)
    began = time.monotonic()
    client.close()
    assert server.recv(1) == b""
    assert time.monotonic() - began >= 0.05


def test_down_refuses_and_up_listens_where_it_was(ends: Ends) -> None:
    client, server = ends.connect()
    port = ends.proxy.port
    ends.proxy.wait("accepted")
    ends.proxy.down()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        ends.connect()
    ends.proxy.up()
    assert ends.proxy.port == port
    client, server = ends.connect()
    client.sendall(b"again")
    assert read(server, 5) == b"again"


def test_down_leaves_nothing_open_of_what_it_had_just_accepted(ends: Ends) -> None:
    """Leaks are what the test run itself reports: an unclosed socket fails it."""
    for _ in range(20):
        ends.proxy.up()
        dialled = [
            socket.create_connection(("127.0.0.1", ends.proxy.port), PATIENCE_S) for _ in range(20)
        ]
        ends.proxy.down()
        for each in dialled:
            each.close()
    gc.collect()


def test_without_a_server_the_client_is_sent_away(ends: Ends) -> None:
    ends.listener.close()

    def call() -> bytes:
        # On a busy machine the answer comes before connect() has returned.
        with socket.create_connection(("127.0.0.1", ends.proxy.port), PATIENCE_S) as client:
            ends.proxy.wait("refused")
            return client.recv(1)

    with pytest.raises(ConnectionResetError):
        call()


def test_its_lines_say_all_that_its_methods_do(ends: Ends) -> None:
    client, server = ends.connect()
    assert answer(ends.proxy, "wait accepted 1\n") == "ok"
    assert answer(ends.proxy, "set to_server black_hole=true latency=0.01\n") == "ok"
    client.sendall(b"x")
    assert answer(ends.proxy, "wait to_server_read 1") == "ok"
    assert answer(ends.proxy, "counts") == '{"accepted": 1, "to_server_read": 1}'
    assert answer(ends.proxy, "set both black_hole=false") == "ok"
    assert read(server, 1) == b"x"
    for line in ("dance", "set both colour=1", "set sideways latency=1", "set both latency=x"):
        assert answer(ends.proxy, line).startswith("error: ")
    for line in ("clear", "reset", "down", "up"):
        assert answer(ends.proxy, line) == "ok"


def test_a_program_of_it_serves_until_its_input_ends(ends: Ends) -> None:
    port = ends.listener.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, Path(proxy_module.__file__), "--to", f"127.0.0.1:{port}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ends.proxy.port = int(process.stdout.readline())
        client, server = ends.connect()
        client.sendall(b"through")
        assert read(server, 7) == b"through"
        process.stdin.write("reset\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ok\n"
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


def test_a_commit_can_arrive_after_its_sender_has_gone(postgres_server: PostgresServer) -> None:
    """What the in-doubt look-up must survive: a commit that comes later than the look."""
    with Proxy(postgres_server.port) as proxy:
        connection = psycopg.connect(postgres_server.tcp_url_at(proxy.port))
        connection.execute("create table arrived (n int)")
        proxy.set("to_server", black_hole=True)
        sent = proxy.counts()["to_server_read"]
        connection.pgconn.send_query(b"commit")
        connection.pgconn.flush()
        proxy.wait("to_server_read", sent + 1)
        connection.close()
        proxy.wait("client_gone")
        look = "select count(*) from pg_class where relname = 'arrived'"
        assert postgres_server.execute(look) == [(0,)]
        proxy.clear()
        proxy.wait("ended")
        assert postgres_server.execute(look) == [(1,)]
        postgres_server.execute("drop table arrived")
