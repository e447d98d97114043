"""A real PostgreSQL server of a test's own: started, broken, stopped by process id, then gone.

    with PostgresServer() as server:
        msgq.App(server.url)

It listens on 127.0.0.1 and on a Unix socket, and believes whoever says to be `msgq`, its superuser,
so anybody on this machine may enter. It dies with the thread that started it. PostgreSQL
refuses to run as root; there the server is `nobody`'s.

As a program, for the C++ tests, needing no more than Python's own library:

    python tests/support/postgres.py start DIR    leaves one running; DIR/url says where it is
    python tests/support/postgres.py stop DIR     stops it; nothing to stop is fine
    python tests/support/postgres.py serve        prints the URL, stops when its input ends

Where there is no server program they print why and exit with 77, in CI (the variable is set) with
1; `start` also writes it to DIR/missing.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.postgres_binaries import NoServerError, find_binaries

PATIENCE_S = 60.0
PORT_TRIES = 5
SKIPPED = 77
CLAIM = "claim"
SOCKET_PATH_MAX = 107  # bytes in sockaddr_un less the final zero
USER = DATABASE = "msgq"
# Nothing is left in /dev/shm by a server that was killed: its shared memory is in its own folder.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "dynamic_shared_memory_type": "mmap",
    "log_line_prefix": "%m [%p] %a ",
}
QUICK = {"fsync": "off", "full_page_writes": "off"}
IPC_RMID = 0
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class ServerError(Exception):
    """The server did not start; the text ends with its log."""


class PostgresServer:
    """One server and its folder. One thread uses it; stop() and kill() are safe to repeat.

    `is_durable` makes commits reach the disk, as they do for users; tests seldom need to wait for
    that. `settings` are added to those of postgresql.conf.
    """

    def __init__(
        self,
        binaries: Path | None = None,
        *,
        is_durable: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        binaries = binaries or find_binaries()
        self.place = _make_place()
        self._claim = _claimed(self.place)
        self.port = 0
        self._binaries = _reachable(binaries, self.place)
        quick = {} if is_durable else QUICK
        self._settings = {**SETTINGS, **quick, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._dies_with_us = True

    def __enter__(self) -> PostgresServer:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    # --- where it is ---------------------------------------------------------------------------

    @property
    def dsn(self) -> str:
        """What psycopg and libpq connect with, through the Unix socket."""
        return f"host={self.place} port={self.port} user={USER} dbname={DATABASE}"

    @property
    def url(self) -> str:
        """What msgq connects with, through the Unix socket."""
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self.place))}&port={self.port}"

    @property
    def tcp_url(self) -> str:
        """The same server through TCP; append a query if need be."""
        return self.tcp_url_at(self.port)

    @staticmethod
    def tcp_url_at(port: int) -> str:
        """The URL with another port, behind which a proxy is."""
        return f"postgresql://{USER}@127.0.0.1:{port}/{DATABASE}"

    @property
    def pid(self) -> int:
        """The server's main process; 0 when it does not run."""
        return running_pid(self.place)

    @property
    def log(self) -> str:
        """All that the server has logged."""
        return (self.place / "log").read_text(errors="replace")

    # --- its life ------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts it, on its old port if it had one, and waits until it takes connections."""
        if self._process is not None:
            return
        if not (self.place / "data").exists():
            self._make_data()
        fixed = self.port != 0
        for left in reversed(range(PORT_TRIES)):
            if not fixed:
                self.port = free_port()
            self._process = self._spawn("-D", str(self.place / "data"), "-p", str(self.port))
            if self._is_ready(self._process):
                return
            self._process = None
            # Somebody may have taken the port between our look and the server's.
            if fixed or left == 0 or "could not bind" not in self.log:
                raise ServerError(f"the server ended while starting:\n{self.log[-4000:]}")

    def stop(self) -> None:
        """Ends it as an operator would: connections are closed, everything is written."""
        if self._process is not None:
            stop_at(self.place)
            self._process.wait(PATIENCE_S)
            self._process = None

    def kill(self) -> None:
        """Ends it as a crash would: SIGKILL to the server and to each of its connections."""
        if self._process is None:
            return
        children = [*_children(self._process.pid)]
        self._process.kill()
        self._process.wait(PATIENCE_S)
        for child in children:
            send_signal(child, signal.SIGKILL)
            wait_gone(child, PATIENCE_S)
        _free_memory(self.place)
        self._process = None

    def restart(self) -> None:
        """Ends it in good order and starts it again at the same place."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stops it and removes its folder."""
        self.stop()
        shutil.rmtree(self.place, ignore_errors=True)
        self._claim.close()

    def outlive_us(self) -> None:
        """Before start: the server shall run on when this process ends."""
        self._dies_with_us = False
        (self.place / CLAIM).unlink()
        self._claim.close()

    # --- inside (needs psycopg) ----------------------------------------------------------------

    def execute(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Runs one statement as the superuser and gives the rows, if it has any."""
        import psycopg

        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def drop_schema(self, schema: str, tries: int = 3) -> None:
        """Removes a schema, unless something still uses it. Who loses a deadlock tries again."""
        import psycopg

        try:
            self.execute(f"set lock_timeout = '10s'; drop schema if exists {schema} cascade")
        except psycopg.errors.DeadlockDetected:
            if tries == 1:
                raise
            self.drop_schema(schema, tries - 1)

    def terminate_connections(self) -> int:
        """Has the server end every connection of a client and waits for it; how many there were."""
        found = self.execute(
            "select pid, pg_terminate_backend(pid) from pg_stat_activity"
            " where backend_type = 'client backend' and pid <> pg_backend_pid()"
        )
        for pid, _ in found:
            wait_gone(pid, PATIENCE_S)
        return len(found)

    def run_client(self, program: str, *arguments: str) -> None:
        """Runs a program that comes with the server, as pg_dump does, as its superuser."""
        self._run(program, "-h", str(self.place), "-p", str(self.port), "-U", USER, *arguments)

    def terminate_any(self) -> None:
        """Has the server end one connection of msgq, whichever, if there is one."""
        self.execute(
            "select pg_terminate_backend(pid) from (select pid from pg_stat_activity "
            "where application_name like 'msgq %' order by random() limit 1) as one"
        )

    # --- how -----------------------------------------------------------------------------------

    def _make_data(self) -> None:
        data = str(self.place / "data")
        options = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--no-locale"]
        self._run("initdb", "-D", data, "-U", USER, *options)
        settings = {**self._settings, "unix_socket_directories": str(self.place)}
        with open(f"{data}/postgresql.conf", "a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        # A server without connections makes the database, so no client program is needed.
        self._run(
            "postgres", "--single", "-D", data, "postgres", text=f"create database {DATABASE}\n"
        )

    def _run(self, program: str, *arguments: str, text: str = "") -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments],
            **self._world(),
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode != 0 or b"ERROR:" in done.stdout:
            raise ServerError(f"{program}:\n{done.stdout.decode(errors='replace')}")

    def _spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.place / "log").open("ab") as log:
            return subprocess.Popen(
                [self._binaries / "postgres", *arguments],
                **self._world(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent if self._dies_with_us else None,
            )

    def _world(self) -> dict[str, Any]:
        return as_nobody(self.place)

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Waits until the server says that it takes connections; False when it ended instead."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            whose, state = (_status_line(self.place, number) for number in (0, 7))
            if (whose, state) == (str(process.pid), "ready"):
                return True
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
                return False
        process.kill()
        process.wait()
        raise ServerError(f"not ready after {PATIENCE_S} s:\n{self.log[-4000:]}")


def as_nobody(place: Path) -> dict[str, Any]:
    """For Popen: as whom, where and with what environment a server's programs run."""
    foreign = ("PG", "MSGQ_", "LC_", "LANG", "LD_PRELOAD")
    env = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
    world: dict[str, Any] = {"cwd": place, "env": env}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        world |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return world


def running_pid(place: Path) -> int:
    """The main process of the server whose folder this is; 0 when none runs."""
    text = _status_line(place, 0)
    if not text.isdigit():
        return 0
    try:
        command = Path(f"/proc/{text}/cmdline").read_bytes()
    except OSError:
        return 0
    # The number may be another process's by now; a zombie has no command line.
    return int(text) if os.fsencode(place / "data") in command.split(b"\0") else 0


def stop_at(place: Path) -> None:
    """Ends the server of a folder, in good order if that is possible."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        pid = running_pid(place)
        if pid == 0:
            break
        send_signal(pid, number)
        if wait_gone(pid, PATIENCE_S / 2):
            break
    _free_memory(place)


def start_in(folder: Path) -> str:
    """Leaves a new server running whose URL is in folder/url; gives it. One left there is ended."""
    stop_in(folder)
    folder.mkdir(parents=True, exist_ok=True)
    server = PostgresServer()
    (folder / "place").write_text(str(server.place))
    server.outlive_us()
    server.start()
    (folder / "pid").write_text(str(server.pid))
    (folder / "tcp_url").write_text(server.tcp_url)
    (folder / "url").write_text(server.url)
    return server.url


def stop_in(folder: Path) -> None:
    """Ends what start_in left in this folder, however that ended, and removes its traces."""
    with contextlib.suppress(FileNotFoundError):
        place = Path((folder / "place").read_text())
        stop_at(place)
        shutil.rmtree(place, ignore_errors=True)
    for name in ("url", "tcp_url", "pid", "missing", "place"):
        (folder / name).unlink(missing_ok=True)


def _make_place() -> Path:
    """A new folder that the server's user owns, short enough for the path of a socket."""
    folder = tempfile.gettempdir()
    if len(os.fsencode(folder)) + len("/msgq-pg-12345678/.s.PGSQL.65535.lock") > SOCKET_PATH_MAX:
        folder = "/tmp"
    _remove_orphans(Path(folder))
    place = Path(tempfile.mkdtemp(prefix="msgq-pg-", dir=folder))
    if os.geteuid() == 0:
        shutil.chown(place, "nobody", pwd.getpwnam("nobody").pw_gid)
    return place


def _claimed(place: Path) -> IO[str]:
    """Marks the folder as this process's for as long as it lives, and no longer."""
    claim = (place / CLAIM).open("w")
    fcntl.flock(claim, fcntl.LOCK_EX)
    return claim


def _remove_orphans(folder: Path) -> None:
    """Removes what processes left that were killed; their servers ended with them."""
    for claim in folder.glob(f"msgq-pg-*/{CLAIM}"):
        place = claim.parent
        # One without data may be in the making.
        if (place / "data").exists() and running_pid(place) == 0:
            with contextlib.suppress(OSError), claim.open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(place, ignore_errors=True)


def _reachable(binaries: Path, place: Path) -> Path:
    """The programs, or a copy of them when `nobody` may not enter the folder they are in."""
    if os.geteuid() != 0 or all(each.stat().st_mode & 0o001 for each in binaries.parents):
        return binaries
    copy = place / "programs"
    shutil.copytree(binaries.parent, copy, symlinks=True)
    return copy / binaries.name


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _status_line(place: Path, number: int) -> str:
    """A line of postmaster.pid: 0 is the pid, 6 the shared memory, 7 the state."""
    with contextlib.suppress(OSError, IndexError):
        return (place / "data" / "postmaster.pid").read_text().splitlines()[number].strip()
    return ""


def _free_memory(place: Path) -> None:
    """Frees the System V segment of a server that could not; one that stopped left no file."""
    if len(segment := _status_line(place, 6).split()) == 2:
        _libc.shmctl(int(segment[1]), IPC_RMID, None)


def _children(pid: int) -> Iterable[int]:
    with contextlib.suppress(OSError):
        return map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return []


def send_signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_gone(pid: int, seconds: float) -> bool:
    """Waits for the end of a process that need not be ours; whether it came."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGQUIT))


def main(arguments: list[str]) -> int:
    """The program; see the top."""
    try:
        match arguments:
            case ["start", folder]:
                print(start_in(Path(folder)))
            case ["stop", folder]:
                stop_in(Path(folder))
            case ["serve"]:
                with PostgresServer() as server:
                    print(server.url, flush=True)
                    sys.stdin.buffer.read()
            case _:
                print("usage: postgres.py start DIR | stop DIR | serve", file=sys.stderr)
                return 2
    except NoServerError as error:
        print(error)
        if arguments[0] == "start":
            Path(arguments[1], "missing").write_text(str(error))
        return 1 if os.environ.get("CI") else SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
