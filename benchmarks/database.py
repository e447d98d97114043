"""The PostgreSQL server of the benchmarks, durable and on the machine's disk, and what it counts.

with Database() as database:
    database.fresh()               an empty schema behind a checkpoint
    database.url, database.dsn     through the Unix socket; over(rtt_ms=2) through TLS and a delay
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks import machine
from tests.support.postgres import PostgresServer

# As the other queues were measured; everything else as the server comes.
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB"}
SHOWN = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "wal_sync_method",
    "full_page_writes",
    "shared_buffers",
    "max_wal_size",
    "checkpoint_timeout",
    "autovacuum",
    "max_connections",
)
SCHEMA = "bench"
ALONE_S = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """How to reach the server: for msgq and for libpq."""

    url: str
    dsn: str


class Database:
    """One server, for one run of the benchmarks. One thread."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._server = PostgresServer(is_durable=True, settings={**SETTINGS, **(settings or {})})
        self._has_tls = False

    def __enter__(self) -> Database:
        self._server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.remove()

    @property
    def pid(self) -> int:
        """The server's main process, whose children are its connections."""
        return self._server.pid

    @property
    def dsn(self) -> str:
        return self._server.dsn

    @property
    def url(self) -> str:
        return f"{self._server.url}&schema={SCHEMA}"

    def fresh(self) -> None:
        """Remove what the last run left and write everything out: no run pays for another."""
        self._server.execute("set client_min_messages = error")
        for schema in (SCHEMA, "pgmq", "peer"):
            self._server.execute(f"drop schema if exists {schema} cascade")
        self._server.execute("checkpoint")

    def alter(self, settings: Mapping[str, str | None]) -> None:
        """Restart the server with these settings; None: as it came."""
        for name, value in settings.items():
            change = f"reset {name}" if value is None else f"set {name} = '{value}'"
            self._server.execute(f"alter system {change}")
        self._server.restart()

    def counters(self) -> dict[str, float]:
        """What the server itself counted so far: flushes and writes of its log, commits, bytes.

        Connections tell what they did at the latest when they end, so it waits until they have.
        """
        self._wait_alone()
        ((sync, write, records, pages, size, commits),) = self._server.execute(
            "select w.wal_sync, w.wal_write, w.wal_records, w.wal_fpi, w.wal_bytes,"
            " (select sum(xact_commit) from pg_stat_database) from pg_stat_wal w"
        )
        return {
            "wal_flushes": float(sync),
            "wal_writes": float(write),
            "wal_records": float(records),
            "wal_full_pages": float(pages),
            "wal_bytes": float(size),
            "commits": float(commits),
        }

    def _wait_alone(self) -> None:
        others = "backend_type = 'client backend' and pid <> pg_backend_pid()"
        statement = f"select count(*) from pg_stat_activity where {others}"
        deadline = time.monotonic() + ALONE_S
        while self._server.execute(statement)[0][0] and time.monotonic() < deadline:
            time.sleep(0.01)

    def describe(self) -> dict[str, Any]:
        """Its version, the settings that matter, and how long a flush takes where its data is."""
        shown = {name: self._server.execute(f"show {name}")[0][0] for name in SHOWN}
        return {**shown, "flush": machine.flush_times(self._server.place, 1.0)}

    def flush_times(self, seconds: float) -> dict[str, float]:
        return machine.flush_times(self._server.place, seconds)

    @contextlib.contextmanager
    def over(self, rtt_ms: float) -> Iterator[Place]:
        """Reach it by TCP and TLS, whose certificate is verified, `rtt_ms` away."""
        options = self._tls()
        program = machine.CEILINGS / "delay_proxy"
        with subprocess.Popen(
            [program, str(self._server.port), f"rtt_us={round(rtt_ms * 1000)}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as proxy:
            assert proxy.stdout
            assert proxy.stdin
            url = f"{self._server.tcp_url_at(int(proxy.stdout.readline()))}?{options}"
            try:
                yield Place(f"{url}&schema={SCHEMA}", url)
            finally:
                proxy.stdin.close()

    def _tls(self) -> str:
        """Turn TLS on, once; gives the options of a client that trusts its certificate alone."""
        key, certificate = (self._server.place / f"server.{kind}" for kind in ("key", "crt"))
        if not self._has_tls:
            _certify(key, certificate)
            for name, value in (("cert", certificate), ("key", key)):
                self._server.execute(f"alter system set ssl_{name}_file = '{value}'")
            self._server.execute("alter system set ssl = on")
            self._server.restart()
            self._has_tls = True
        return f"sslmode=verify-full&sslrootcert={certificate}"


def _certify(key: Path, certificate: Path) -> None:
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*words, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    owner = key.parent
    for file in (key, certificate):
        shutil.chown(file, owner.stat().st_uid, owner.stat().st_gid)
    key.chmod(0o600)
