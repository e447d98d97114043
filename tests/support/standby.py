"""A hot standby of a server of a test's own: it streams, answers questions, and may take over.

    with Standby(own_postgres) as standby:
        standby.wait_caught_up()
        standby.promote()

It is made from a base backup taken with SQL, so it needs no client program, and from any version. A
slot keeps what it has not read yet on the primary. It is used as its primary is: see postgres.py.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from tests.support.postgres import PATIENCE_S, USER, PostgresServer

# What a copy must not have, and what is another server's own.
LEFT_OUT = ("postmaster.pid", "postmaster.opts", "pg_wal", "pg_replslot", "pg_stat_tmp")
SINCE_15 = ("pg_backup_start(%s, true)", "pg_backup_stop(false)")
BEFORE_15 = ("pg_start_backup(%s, true, false)", "pg_stop_backup(false, false)")


class Standby(PostgresServer):
    """A standby of `primary`, which runs. `synchronous`: the primary's commits wait for it.

    Whoever promotes it or kills the primary may still leave the block; the primary goes back to
    waiting for nobody.
    """

    def __init__(self, primary: PostgresServer, *, synchronous: bool = False) -> None:
        super().__init__(primary._binaries, settings=primary._settings)
        self._primary = primary
        self._synchronous = synchronous
        self._name = f"standby_{self.place.name[-8:].lower()}"

    def __enter__(self) -> Standby:
        super().__enter__()
        return self

    def start(self) -> None:
        """Starts it and waits until it streams from the primary; see PostgresServer.start."""
        is_new = not (self.place / "data").exists()
        super().start()
        if not is_new:
            return
        self._await(lambda: self._seen("state") == "streaming")
        if self._synchronous:
            self._primary.execute(f"alter system set synchronous_standby_names = '{self._name}'")
            self._primary.execute("select pg_reload_conf()")
            self._await(lambda: self._seen("sync_state") == "sync")

    def remove(self) -> None:
        """Stops it, removes its folder and what the primary knows of it."""
        if self._primary.pid and self._synchronous:
            self._primary.execute("alter system reset synchronous_standby_names")
            self._primary.execute("select pg_reload_conf()")
        super().remove()
        if self._primary.pid:
            self._primary.execute(
                "select pg_terminate_backend(active_pid, 5000), pg_drop_replication_slot(slot_name)"
                " from pg_replication_slots where slot_name = %s",
                self._name,
            )

    def promote(self) -> None:
        """Makes a primary of it and waits until it takes writes."""
        self.execute(f"select pg_promote(true, {PATIENCE_S:.0f})")
        self._await(lambda: self.execute("select pg_is_in_recovery()") == [(False,)])

    def pause_replay(self) -> None:
        """What the primary commits from now on is received but not shown here."""
        self.execute("select pg_wal_replay_pause()")
        recent = "select pg_get_wal_replay_pause_state() = 'paused'"
        since_13 = "select pg_is_wal_replay_paused()"
        self._await(lambda: self.execute(recent if self._major >= 14 else since_13) == [(True,)])

    def resume_replay(self) -> None:
        """Goes on showing what the primary commits."""
        self.execute("select pg_wal_replay_resume()")

    def wait_caught_up(self) -> None:
        """Waits until everything shows here that the primary has committed before the call."""
        ((written,),) = self._primary.execute("select pg_current_wal_lsn()")
        behind = "select pg_last_wal_replay_lsn() >= %s::pg_lsn"
        self._await(lambda: self.execute(behind, written) == [(True,)])

    # --- how -----------------------------------------------------------------------------------

    @property
    def _major(self) -> int:
        ((number,),) = self.execute("select current_setting('server_version_num')::int / 10000")
        return int(number)

    def _seen(self, column: str) -> object:
        """What the primary says of its stream to us."""
        rows = self._primary.execute(
            f"select {column} from pg_stat_replication where application_name = %s", self._name
        )
        return rows[0][0] if rows else None

    def _await(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not so after {PATIENCE_S} s:\n{self.log[-4000:]}")
            self.execute("select pg_sleep(0.01)")

    def _make_data(self) -> None:
        """Copies the primary's files while it runs, between the two calls of a base backup."""
        data = self.place / "data"
        with psycopg.connect(self._primary.dsn, autocommit=True) as primary:
            start, stop = SINCE_15 if primary.info.server_version >= 150000 else BEFORE_15
            primary.execute("select pg_create_physical_replication_slot(%s, true)", (self._name,))
            primary.execute(f"select {start}".encode(), (self._name,))
            _copy(self._primary.place / "data", data)
            row: Any = primary.execute(f"select labelfile from {stop}".encode()).fetchone()
        for folder in ("pg_wal", "pg_replslot", "pg_stat_tmp"):
            (data / folder).mkdir(mode=0o700)
        (data / "backup_label").write_text(row[0])
        (data / "standby.signal").touch()
        with (data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in self._own().items())
        _give_to_nobody(data)

    def _own(self) -> dict[str, str]:
        """The settings that it does not share with its primary, by which it is found there."""
        primary = f"host={self._primary.place} port={self._primary.port} user={USER}"
        return {
            "unix_socket_directories": str(self.place),
            "primary_conninfo": f"{primary} application_name={self._name}",
            "primary_slot_name": self._name,
            "synchronous_standby_names": "",
            "hot_standby": "on",
            "wal_retrieve_retry_interval": "100ms",
        }


def _copy(source: Path, target: Path) -> None:
    def copied(one: str, other: str) -> None:
        with contextlib.suppress(FileNotFoundError):  # files come and go on a running server
            shutil.copy2(one, other)

    shutil.copytree(
        source,
        target,
        copy_function=copied,
        ignore=lambda folder, names: [
            name for name in names if Path(folder) == source and name in LEFT_OUT
        ],
    )


def _give_to_nobody(data: Path) -> None:
    """The server's user owns its files, and nobody else may see them."""
    data.chmod(0o700)
    if os.geteuid() != 0:
        return
    group = pwd.getpwnam("nobody").pw_gid
    for folder, _, files in os.walk(data):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            shutil.chown(path, "nobody", group)
