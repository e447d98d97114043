"""A TCP proxy that does to a connection what networks do: delay, starve, slice, stop, cut, reset.

    with Proxy(server.port) as proxy:
        client = connect(port=proxy.port)
        proxy.set("to_server", latency=0.05, jitter=0.01)

What can be set for a direction, `to_server`, `to_client` or `both`, also while connections live:

    latency, jitter      seconds that every byte takes longer, and by how much that varies
    bandwidth            bytes a second
    slices, slice_delay  pieces of at most so many bytes, and seconds between two of them
    black_hole           nothing passes, not even the end, until it is unset; then all of it does,
                         in order, also what a client sent that has gone since
    late                 what a client sent passes once that client has gone (to_server alone)
    limit                after so many bytes, counted from now, the connection is closed
    cut                  the same, but reset
    slow_close           seconds that the end of a stream takes longer

reset() resets every connection; down() refuses new ones as well, up() takes them again on the same
port. wait() waits until the proxy has seen something happen. Each is safe from any thread.

As a program it prints its port, then takes a line for each of these and answers it with a line,
until its input ends:

    python tests/support/proxy.py --to 127.0.0.1:5432 [--listen 127.0.0.1:0] [--seed 1]
    set both latency=0.05 jitter=0.01 | clear | reset | down | up | wait accepted 1 | counts
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import dataclasses
import json
import random
import socket
import struct
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeVar

DIRECTIONS = ("to_server", "to_client")
PATIENCE_S = 30.0
READ_BYTES = 1 << 16
CHUNKS_IN_FLIGHT = 64
PIECES_A_SECOND = 20  # what a bandwidth lets through comes in
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, no time: closing sends RST
T = TypeVar("T")


@dataclasses.dataclass
class Toxics:
    """What is wrong with one direction; see the top."""

    latency: float = 0.0
    jitter: float = 0.0
    bandwidth: float = 0
    slices: float = 0
    slice_delay: float = 0.0
    black_hole: bool = False
    late: bool = False
    limit: float = 0
    cut: float = 0
    slow_close: float = 0.0


class Chunk(NamedTuple):
    """Bytes on their way, none for the end of the stream, and when they are due."""

    data: bytes
    due: float


class _Link:
    """One connection through the proxy: two streams, each read and written by a task of its own."""

    def __init__(self, proxy: Proxy, client: _Stream, server: _Stream) -> None:
        self._proxy = proxy
        self._ends = {"to_server": (client, server), "to_client": (server, client)}
        self._client_gone = False
        self.passed = dict.fromkeys(DIRECTIONS, 0)  # bytes since a limit or cut was set
        self._tasks: list[asyncio.Task[None]] = []
        for _, writer in (client, server):
            # What counts as written has left this process.
            writer.transport.set_write_buffer_limits(0)

    async def run(self) -> None:
        for direction in DIRECTIONS:
            way: asyncio.Queue[Chunk] = asyncio.Queue(CHUNKS_IN_FLIGHT)
            self._tasks.append(asyncio.create_task(self._read(direction, way)))
            self._tasks.append(asyncio.create_task(self._write(direction, way)))
        await asyncio.wait(self._tasks)
        self.end()

    def end(self, *, reset: bool = False) -> None:
        """Closes both sides at once."""
        for task in self._tasks:
            task.cancel()
        for _, writer in self._ends["to_server"]:
            if reset:
                _reset(writer)
            else:
                writer.close()

    async def _read(self, direction: str, way: asyncio.Queue[Chunk]) -> None:
        reader, _ = self._ends[direction][0]
        due, data = 0.0, b"more"
        while data:
            try:
                data = await reader.read(READ_BYTES)
            except OSError:
                data = b""
            toxics = self._proxy.toxics[direction]
            delay = toxics.latency + toxics.jitter * self._proxy.random.uniform(-1, 1)
            due = max(due, asyncio.get_running_loop().time() + delay)
            if data:
                self._proxy.count(f"{direction}_read", len(data))
            elif direction == "to_server":
                self._client_gone = True
                await self._proxy.announce("client_gone")
            await way.put(Chunk(data, due))

    async def _write(self, direction: str, way: asyncio.Queue[Chunk]) -> None:
        _, writer = self._ends[direction][1]
        while (chunk := await way.get()).data:
            rest = chunk.data
            await self._proxy.pause(chunk.due - asyncio.get_running_loop().time())
            while rest:
                await self._proxy.until(lambda: self._may_pass(direction))
                rest = await self._pass_some(direction, writer, rest)
        await self._proxy.until(lambda: self._may_pass(direction))
        await self._proxy.pause(self._proxy.toxics[direction].slow_close)
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()

    def _may_pass(self, direction: str) -> bool:
        toxics = self._proxy.toxics[direction]
        is_early = toxics.late and direction == "to_server" and not self._client_gone
        return not toxics.black_hole and not is_early

    async def _pass_some(self, direction: str, writer: asyncio.StreamWriter, data: bytes) -> bytes:
        """Writes the next piece and gives the rest; ends the link where a limit says so."""
        toxics = self._proxy.toxics[direction]
        bound = toxics.cut or toxics.limit
        sizes = [len(data)]
        if toxics.slices:
            sizes.append(int(toxics.slices))
        if toxics.bandwidth:
            sizes.append(max(1, int(toxics.bandwidth) // PIECES_A_SECOND))
        if bound:
            sizes.append(int(bound) - self.passed[direction])
        size = min(sizes)
        # Whoever has gone does not get it; what the other one sends is still taken.
        with contextlib.suppress(OSError):
            writer.write(data[:size])
            await writer.drain()
        self.passed[direction] += size
        self._proxy.count(f"{direction}_written", size)
        if bound and self.passed[direction] >= bound:
            self.end(reset=bool(toxics.cut))
        pace = size / toxics.bandwidth if toxics.bandwidth else 0.0
        await self._proxy.pause(pace + (toxics.slice_delay if toxics.slices else 0.0))
        return data[size:]


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """Listens on a port of its own for one server; a thread of its own does the work."""

    def __init__(self, port: int, host: str = "127.0.0.1", *, listen: int = 0, seed: int = 1):
        # fixed after construction
        self.random = random.Random(seed)
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        # only the proxy's thread
        self.toxics = {direction: Toxics() for direction in DIRECTIONS}
        self.port = listen
        self._links: set[_Link] = set()
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()
        # guarded by _counted
        self._counts: collections.Counter[str] = collections.Counter()
        self._counted = threading.Condition()

    def __enter__(self) -> Proxy:
        self._thread.start()
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()
        self._call(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # --- what tests say ------------------------------------------------------------------------

    def set(self, direction: str = "both", **toxics: float) -> None:
        """Changes the named toxics of a direction; what is not named stays."""
        self._call(self._set(DIRECTIONS if direction == "both" else (direction,), toxics))

    def clear(self) -> None:
        """Everything passes again, also what was held."""
        plain = dataclasses.asdict(Toxics())
        self._call(self._set(DIRECTIONS, plain))

    def reset(self) -> None:
        """Resets every connection that there is."""
        self._call(self._end_links())

    def down(self) -> None:
        """Resets every connection and refuses new ones."""
        self._call(self._stop_listening())

    def up(self) -> None:
        """Takes connections, on the port it had."""
        self._call(self._listen())

    def counts(self) -> dict[str, int]:
        """How often what happened: accepted, refused, client_gone, ended, and the bytes
        to_server_read, to_server_written, to_client_read, to_client_written."""
        with self._counted:
            return dict(self._counts)

    def wait(self, name: str, at_least: int = 1, seconds: float = PATIENCE_S) -> None:
        """Waits until a count is that high."""
        with self._counted:
            reached = self._counted.wait_for(lambda: self._counts[name] >= at_least, seconds)
            assert reached, f"{name} is not {at_least}: {dict(self._counts)}"

    # --- what links ask, in the proxy's thread -------------------------------------------------

    def count(self, name: str, by: int = 1) -> None:
        """Notes that something happened."""
        with self._counted:
            self._counts[name] += by
            self._counted.notify_all()

    async def announce(self, name: str) -> None:
        """Notes it and has those look again who wait in until()."""
        async with self._changed:
            self._changed.notify_all()
        self.count(name)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until a condition of the toxics holds."""
        async with self._changed:
            await self._changed.wait_for(condition)

    async def pause(self, seconds: float) -> None:
        """Lets time pass; the link's end cancels it."""
        if seconds > 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.get_running_loop().create_future(), seconds)

    # --- how -----------------------------------------------------------------------------------

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    async def _set(self, directions: tuple[str, ...], toxics: dict[str, Any]) -> None:
        for direction in directions:
            self.toxics[direction] = dataclasses.replace(self.toxics[direction], **toxics)
            for link in self._links:
                link.passed[direction] = 0
        async with self._changed:
            self._changed.notify_all()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listener.setblocking(False)
            self.port = self._listener.getsockname()[1]
            self._loop.add_reader(self._listener, self._accept, self._listener)

    async def _stop_listening(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        await self._end_links()

    async def _end_links(self) -> None:
        for link in self._links:
            link.end(reset=True)

    async def _finish(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)
        # Closed transports say goodbye in a later round of the loop.
        await asyncio.sleep(0)

    def _accept(self, listener: socket.socket) -> None:
        # By hand: asyncio.Server drops what it has just accepted when it is closed then.
        with contextlib.suppress(OSError):
            accepted, _ = listener.accept()
            task = self._loop.create_task(self._serve(accepted, listener))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, accepted: socket.socket, listener: socket.socket) -> None:
        client = await asyncio.open_connection(sock=accepted)
        try:
            server = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(client[1])
            self.count("refused")
            return
        link = _Link(self, client, server)
        if listener is not self._listener:
            link.end(reset=True)
            return
        self._links.add(link)
        self.count("accepted")
        await link.run()
        self._links.discard(link)
        self.count("ended")


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


def _value(text: str) -> float:
    return {"true": True, "false": False}[text] if text.isalpha() else float(text)


def answer(proxy: Proxy, line: str) -> str:
    """Does what a line of the program's input says; gives "ok", what was asked for, or an error."""
    try:
        return _obey(proxy, line)
    except (AssertionError, LookupError, OSError, TypeError, ValueError) as error:
        return f"error: {error!r}"


def _obey(proxy: Proxy, line: str) -> str:
    match line.split():
        case ["set", direction, *pairs]:
            named = (pair.split("=") for pair in pairs)
            proxy.set(direction, **{name: _value(value) for name, value in named})
        case ["clear" | "reset" | "down" | "up" as order]:
            getattr(proxy, order)()
        case ["wait", name, count]:
            proxy.wait(name, int(count))
        case ["counts"]:
            return json.dumps(proxy.counts())
        case _:
            raise ValueError(f"not understood: {line}")
    return "ok"


def main() -> None:
    """The program; see the top."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--to", required=True)
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    host, _, port = given.to.rpartition(":")
    listen = int(given.listen.rpartition(":")[2])
    with Proxy(int(port), host, listen=listen, seed=given.seed) as proxy:
        print(proxy.port, flush=True)
        for line in sys.stdin:
            print(answer(proxy, line), flush=True)


if __name__ == "__main__":
    main()
