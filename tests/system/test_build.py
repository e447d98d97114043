"""The build finds what it stands on, and says what to install when something is missing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def configure(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Configures the project in `folder` with tests on, and returns what CMake said."""
    return subprocess.run(
        ["cmake", "-S", str(ROOT), "-B", str(folder), "-DMSGQ_BUILD_TESTS=ON", *options],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("hidden", "package"),
    [
        ("CMAKE_DISABLE_FIND_PACKAGE_SQLite3", "libsqlite3-dev"),
        ("CMAKE_DISABLE_FIND_PACKAGE_GTest", "libgtest-dev"),
        ("MSGQ_CONCURRENTQUEUE_DIR", "libconcurrentqueue-dev"),
        ("MSGQ_XXHASH_DIR", "libxxhash-dev"),
        ("MSGQ_PQXX_DIR", "libpqxx-dev"),
        ("MSGQ_LIBPQ_DIR", "libpq-dev"),
    ],
)
def test_a_missing_library_is_named_with_its_package(
    tmp_path: Path, hidden: str, package: str
) -> None:
    """A FALSE that is no -NOTFOUND is taken by find_path as an answer: nothing was found."""
    value = "ON" if hidden.startswith("CMAKE_DISABLE") else "OFF"
    said = configure(tmp_path, f"-D{hidden}={value}", "-DMSGQ_CONCURRENTQUEUE_UPSTREAM_DIR=OFF")
    assert said.returncode != 0
    assert f"apt-get install {package}" in said.stderr


def test_transports_can_be_switched_off(tmp_path: Path) -> None:
    said = configure(
        tmp_path,
        *("-DMSGQ_WITH_SQLITE=OFF", "-DMSGQ_WITH_POSTGRES=OFF"),
        *("-DCMAKE_DISABLE_FIND_PACKAGE_SQLite3=ON", "-DMSGQ_PQXX_DIR=OFF", "-DMSGQ_LIBPQ_DIR=OFF"),
        "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
    )
    assert said.returncode == 0, said.stderr
    commands = json.loads((tmp_path / "compile_commands.json").read_text())
    sources = [Path(each["file"]) for each in commands]
    assert ROOT / "tests" / "cpp" / "transport" / "open_test.cpp" in sources
    needing = re.compile(
        r'#include ["<](crash_|support/(crash_|pg_)|transport/sqlite/crash_|libpq)'
    )
    strays = [
        each
        for each in sources
        if {"sqlite", "postgres"} & {*each.parts} or needing.search(each.read_text())
    ]
    assert strays == []


def test_packages_are_looked_for_before_they_are_installed() -> None:
    """With everything there the script needs no root, no network and no word."""
    nobody = {"PATH": os.environ["PATH"]}
    said = subprocess.run(
        [ROOT / ".ci" / "packages"], capture_output=True, text=True, check=True, env=nobody
    )
    assert said.stdout + said.stderr == ""


def put_before(tools: Path, name: str, script: str) -> None:
    """Puts a program of that name where it is found before the real one."""
    path = tools / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def ask_for_packages(
    tools: Path, *options: str, path: str = os.environ["PATH"]
) -> subprocess.CompletedProcess[str]:
    """Runs .ci/packages for somebody who is not root and has nothing installed."""
    put_before(tools, "dpkg-query", "exit 0")
    put_before(tools, "id", "echo 1000")
    environ = {"PATH": f"{tools}{os.pathsep}{path}"}
    return subprocess.run(
        [ROOT / ".ci" / "packages", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=environ,
    )


def test_who_may_not_become_root_is_told_the_exact_command(tmp_path: Path) -> None:
    put_before(tmp_path, "sudo", "exit 1")
    said = ask_for_packages(tmp_path)
    assert said.returncode == 1
    command = "  apt-get update && apt-get install --yes --no-install-recommends build-essential "
    assert command in said.stderr
    assert " libsqlite3-dev " in said.stderr


def test_who_may_become_root_does_so_by_sudo(tmp_path: Path) -> None:
    put_before(tmp_path, "sudo", f'echo "$@" >>"{tmp_path}/asked"')
    said = ask_for_packages(tmp_path)
    assert said.returncode == 0, said.stderr
    may_i, install = (tmp_path / "asked").read_text().splitlines()
    assert may_i == "--non-interactive true"
    assert install.startswith("env DEBIAN_FRONTEND=noninteractive apt-get install --yes ")
    assert " libsqlite3-dev " in install


def test_a_server_that_comes_for_the_tests_makes_no_cluster_and_is_not_started(
    tmp_path: Path,
) -> None:
    put_before(tmp_path, "sudo", f'echo "$@" >>"{tmp_path}/asked"')
    said = ask_for_packages(tmp_path, "--test")
    assert said.returncode == 0, said.stderr
    asked = (tmp_path / "asked").read_text()
    install = asked.index("apt-get install")
    assert " postgresql pgbouncer" in asked[install:]
    assert 0 < asked.index("create_main_cluster = false") < install
    has_policy = Path("/usr/sbin/policy-rc.d").exists()
    assert ("policy-rc.d" in asked) == (not has_policy)


def test_what_is_built_needs_no_server(tmp_path: Path) -> None:
    put_before(tmp_path, "sudo", f'echo "$@" >>"{tmp_path}/asked"')
    assert ask_for_packages(tmp_path).returncode == 0
    asked = (tmp_path / "asked").read_text()
    assert "libpq-dev" in asked
    assert " postgresql " not in asked
    assert "pgbouncer" not in asked


@pytest.mark.parametrize("has_npm", [False, True])
def test_npm_comes_unless_there_is_one(tmp_path: Path, has_npm: bool) -> None:
    put_before(tmp_path, "sudo", f'echo "$@" >>"{tmp_path}/asked"')
    for name in ("awk", "bash", "env", "grep"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    if has_npm:
        put_before(tmp_path, "npm", "exit 0")
    assert ask_for_packages(tmp_path, "--fetch", path="").returncode == 0
    asked = (tmp_path / "asked").read_text().split()
    assert ("npm" in asked) is not has_npm


def test_make_works_from_elsewhere_twice_and_with_a_space_in_the_path(tmp_path: Path) -> None:
    copy = tmp_path / "my own checkout"
    built = shutil.ignore_patterns("build", ".venv", ".git", "__pycache__", "*_cache")
    shutil.copytree(ROOT, copy, ignore=built)
    for _ in range(2):
        said = subprocess.run(
            ["make", "-C", str(copy), "JOBS=1", "ceilings"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert said.returncode == 0, said.stdout + said.stderr
    for ceiling in ("sqlite_ceiling", "fsync_ceiling"):
        assert (copy / "build" / "release" / "benchmarks" / ceiling).exists()


def test_makes_help_lists_every_target() -> None:
    said = subprocess.run(
        ["make", "--silent", "-C", str(ROOT)], capture_output=True, text=True, check=True
    )
    targets = ["demo", "test", "check", "bench", "asan", "tsan", "fuzz"]
    for target in [*targets, "torture", "torture-pg", "soak-pg", "format", "docs", "clean"]:
        assert f"  {target} " in said.stdout
