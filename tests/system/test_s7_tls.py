"""S7: whoever has to prove who it is and cannot is refused, with a text that names the reason."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import msgq
from tests.support.postgres import DATABASE, USER, PostgresServer
from tests.support.postgres_fixtures import new_server

HOST = "db.example"


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """One that vouches for servers."""

    def __init__(self, folder: Path, name: str) -> None:
        self.certificate, self._key = folder / f"{name}.crt", folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", f"/CN={name}",
                "-keyout", self._key, "-out", self.certificate)  # fmt: skip

    def sign(self, folder: Path, host: str, days: int = 2) -> tuple[Path, Path]:
        """The certificate and the key of a server, which its user owns."""
        request, certificate, key = (folder / f"{host}.{kind}" for kind in ("csr", "crt", "key"))
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host}", "-keyout", key,
                "-out", request)  # fmt: skip
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key,
                "-CAcreateserial", "-days", days, "-out", certificate)  # fmt: skip
        key.chmod(0o600)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (certificate, key):
                shutil.chown(path, "nobody", nobody.pw_gid)
        return certificate, key


class Tls(NamedTuple):
    server: PostgresServer
    authority: Authority
    stranger: Authority

    def url(
        self, host: str = HOST, root: Authority | None = None, mode: str = "verify-full"
    ) -> str:
        root = root or self.authority
        return (
            f"postgresql://{USER}@/{DATABASE}?host={host}&hostaddr=127.0.0.1"
            f"&port={self.server.port}&sslmode={mode}&sslrootcert={root.certificate}"
        )

    def use(self, certificate: Path, key: Path) -> None:
        """Has the server show another certificate."""
        for name, path in (("ssl_cert_file", certificate), ("ssl_key_file", key)):
            copy = self.server.place / f"{path.parent.name}-{path.name}"
            shutil.copy2(path, copy)
            if os.geteuid() == 0:
                shutil.chown(copy, "nobody", pwd.getpwnam("nobody").pw_gid)
            self.server.execute(f"alter system set {name} = '{copy}'")
        self.server.execute("alter system set ssl = on")
        self.server.restart()


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    folder = tmp_path_factory.mktemp("tls")
    authority, stranger = Authority(folder, "authority"), Authority(folder, "stranger")
    with new_server() as server:
        made = Tls(server, authority, stranger)
        made.use(*authority.sign(folder, HOST))
        yield made


def refused(url: str, why: str) -> None:
    with pytest.raises(msgq.ConfigError, match=re.compile(why, re.DOTALL)):
        msgq.connect(url).open()


def test_s7_who_proves_itself_is_believed(tls: Tls) -> None:
    with msgq.connect(tls.url()) as client:
        client.queue("q").enqueue(b"x")
        encrypted = tls.server.execute(
            "select bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid) "
            "where application_name like 'msgq %'"
        )
        assert encrypted == [(True,)]


def test_s7_nobody_vouches_for_it(tls: Tls) -> None:
    refused(tls.url(root=tls.stranger), "certificate verify failed.*sslrootcert=FILE names who")


def test_s7_it_is_another_host(tls: Tls) -> None:
    refused(tls.url(host="other.example"), "certificate for .*does not match host name")


def test_s7_a_weaker_word_is_obeyed_and_warned_of(
    tls: Tls, caplog: pytest.LogCaptureFixture
) -> None:
    url = tls.url(host="other.example", mode="verify-ca").replace("&hostaddr=127.0.0.1", "")
    with pytest.raises(msgq.StoreUnavailableError):  # no such host; the warning comes before
        msgq.connect(url, connect_timeout=2).open()
    assert "sslmode=verify-ca does not prove which server answers" in caplog.text
    with msgq.connect(tls.url(host="other.example", mode="verify-ca")) as client:
        client.queue("q").enqueue(b"x")


def test_s7_a_plain_server_is_refused(tls: Tls, own_postgres: PostgresServer) -> None:
    url = tls.url().replace(f"port={tls.server.port}", f"port={own_postgres.port}")
    refused(url, "does not support SSL.*a weaker sslmode is to be said")


def test_s7_its_certificate_has_expired(tls: Tls, tmp_path: Path) -> None:
    kept = [tls.server.execute(f"show {name}")[0][0] for name in ("ssl_cert_file", "ssl_key_file")]
    tmp_path.chmod(0o755)
    tls.use(*tls.authority.sign(tmp_path, HOST, days=-1))
    try:
        refused(tls.url(), "certificate (verify failed|has expired)")
    finally:
        tls.server.execute(f"alter system set ssl_cert_file = '{kept[0]}'")
        tls.server.execute(f"alter system set ssl_key_file = '{kept[1]}'")
        tls.server.restart()
