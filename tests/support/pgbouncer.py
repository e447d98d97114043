"""A real PgBouncer in transaction mode before a server of the tests; stopped by process id.

    with PgBouncer(server.url, pool_size=50) as pooler:
        msgq.App(pooler.url)

It listens on 127.0.0.1 and on a Unix socket in a folder of its own, believes whoever says to be
one of `users`, and dies with the thread that started it. It refuses to run as root; there it is
`nobody`'s.

As a program, for the C++ tests, needing no more than Python's own library:

    python tests/support/pgbouncer.py start DIR   leaves one running before the server of DIR/url;
                                                  DIR/pooled_url says where it is
    python tests/support/pgbouncer.py stop DIR    stops it; nothing to stop is fine
    python tests/support/pgbouncer.py serve URL   prints the URL, stops when its input ends

Where there is no program of that name they print why and exit with 77, in CI with 1; `start` also
writes it to DIR/pooler_missing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.postgres import (
    DATABASE,
    PATIENCE_S,
    PORT_TRIES,
    SKIPPED,
    USER,
    ServerError,
    as_nobody,
    die_with_parent,
    free_port,
    send_signal,
    wait_gone,
)

_PLACES = (*os.environ.get("PATH", "").split(":"), "/usr/sbin", "/usr/local/sbin")


class NoPoolerError(Exception):
    """There is no program; the text says how to get it."""


def find_program() -> str:
    """The program's path. Raises NoPoolerError."""
    if found := shutil.which("pgbouncer", path=":".join(_PLACES)):
        return found
    raise NoPoolerError("no pgbouncer is installed; make test-packages installs one")


class PgBouncer:
    """One pooler and its folder. One thread uses it; stop() is safe to repeat.

    `server` is a URL with host and port in its query, as PostgresServer.url; `settings` are added
    to those of pgbouncer.ini.
    """

    def __init__(
        self,
        server: str,
        *,
        pool_size: int = 50,
        users: Iterable[str] = (USER,),
        **settings: str | int,
    ) -> None:
        self._program = find_program()
        query = parse_qs(urlsplit(server).query)
        self.place = Path(tempfile.mkdtemp(prefix="msgq-pool-", dir="/tmp"))
        self.port = 0
        self._target = f"host={query['host'][0]} port={query['port'][0]}"
        self._users = [*users]
        self._settings: dict[str, str | int] = {
            "pool_mode": "transaction", "auth_type": "trust", "listen_addr": "127.0.0.1",
            "unix_socket_dir": str(self.place), "auth_file": str(self.place / "users"),
            "max_client_conn": 2_000, "default_pool_size": pool_size, "stats_users": USER,
            **settings,
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._dies_with_us = True

    def __enter__(self) -> PgBouncer:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    @property
    def url(self) -> str:
        """What msgq connects with, through the Unix socket."""
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self.place))}&port={self.port}"

    @property
    def dsn(self) -> str:
        """What psycopg and libpq connect with, through the Unix socket."""
        return f"host={self.place} port={self.port} user={USER} dbname={DATABASE}"

    @property
    def pid(self) -> int:
        """Its process; 0 when it does not run."""
        return self._process.pid if self._process else 0

    @property
    def log(self) -> str:
        """All that it has logged."""
        return (self.place / "log").read_text(errors="replace")

    def show(self, what: str) -> list[dict[str, Any]]:
        """The rows of SHOW POOLS, SHOW STATS, ... (needs psycopg)."""
        import psycopg
        from psycopg.rows import dict_row

        dsn = self.dsn.replace(f"dbname={DATABASE}", "dbname=pgbouncer")
        # Its console knows no BEGIN and no parameters.
        with psycopg.connect(
            dsn, autocommit=True, row_factory=dict_row, cursor_factory=psycopg.ClientCursor
        ) as connection:
            return connection.execute(f"SHOW {what}".encode()).fetchall()

    def start(self) -> None:
        """Starts it, on its old port if it had one, and waits until it takes connections."""
        if self._process is not None:
            return
        fixed = self.port != 0
        for left in reversed(range(PORT_TRIES)):
            if not fixed:
                self.port = free_port()
            self._write_files()
            self._process = self._spawn()
            if self._is_ready(self._process):
                return
            self._process = None
            if fixed or left == 0 or "in use" not in self.log:
                raise ServerError(f"pgbouncer ended while starting:\n{self.log[-4000:]}")

    def stop(self) -> None:
        """Ends it at once, as its own stopping does: clients lose their connections."""
        if self._process is not None:
            send_signal(self._process.pid, signal.SIGTERM)
            self._process.wait(PATIENCE_S)
            self._process = None

    def remove(self) -> None:
        """Stops it and removes its folder."""
        self.stop()
        shutil.rmtree(self.place, ignore_errors=True)

    def outlive_us(self) -> None:
        """Before start: it shall run on when this process ends."""
        self._dies_with_us = False

    def _write_files(self) -> None:
        lines = [f"{name} = {value}" for name, value in self._settings.items()]
        text = [
            "[databases]", f"* = {self._target}",
            "[pgbouncer]", f"listen_port = {self.port}", *lines, "",
        ]  # fmt: skip
        (self.place / "pgbouncer.ini").write_text("\n".join(text))
        (self.place / "users").write_text("".join(f'"{user}" ""\n' for user in self._users))
        if os.geteuid() == 0:
            for path in (self.place, *self.place.iterdir()):
                shutil.chown(path, "nobody", "nogroup")

    def _spawn(self) -> subprocess.Popen[bytes]:
        with (self.place / "log").open("ab") as log:
            return subprocess.Popen(
                [self._program, str(self.place / "pgbouncer.ini")],
                **as_nobody(self.place),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent if self._dies_with_us else None,
            )

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Waits until it says that it runs; False when it ended instead."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if "process up" in self.log:
                return True
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
                return False
        process.kill()
        process.wait()
        raise ServerError(f"pgbouncer is not ready after {PATIENCE_S} s:\n{self.log[-4000:]}")


def start_in(folder: Path) -> str:
    """Leaves one running before the server of folder/url; gives its URL."""
    stop_in(folder)
    pooler = PgBouncer((folder / "url").read_text())
    (folder / "pooler_place").write_text(str(pooler.place))
    pooler.outlive_us()
    pooler.start()
    (folder / "pooler_pid").write_text(str(pooler.pid))
    (folder / "pooled_url").write_text(pooler.url)
    return pooler.url


def stop_in(folder: Path) -> None:
    """Ends what start_in left in this folder, and removes its traces."""
    with contextlib.suppress(FileNotFoundError):
        place = Path((folder / "pooler_place").read_text())
        with contextlib.suppress(FileNotFoundError):
            pid = int((folder / "pooler_pid").read_text())
            # The number may be another process's by now.
            with contextlib.suppress(OSError):
                if os.fsencode(place) in Path(f"/proc/{pid}/cmdline").read_bytes():
                    send_signal(pid, signal.SIGTERM)
                    wait_gone(pid, PATIENCE_S)
        shutil.rmtree(place, ignore_errors=True)
    for name in ("pooled_url", "pooler_pid", "pooler_missing", "pooler_place"):
        (folder / name).unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """The program; see the top."""
    try:
        match arguments:
            case ["start", folder]:
                print(start_in(Path(folder)))
            case ["stop", folder]:
                stop_in(Path(folder))
            case ["serve", url]:
                with PgBouncer(url) as pooler:
                    print(pooler.url, flush=True)
                    sys.stdin.buffer.read()
            case _:
                print(__doc__)
                return 2
    except NoPoolerError as error:
        print(error, flush=True)
        if arguments[0] == "start":
            (Path(arguments[1]) / "pooler_missing").write_text(str(error))
        return 1 if os.environ.get("CI") else SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
