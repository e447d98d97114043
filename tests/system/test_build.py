"""The build finds what it stands on, and says what to install when something is missing."""

from __future__ import annotations

import os
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
        *("-DCMAKE_DISABLE_FIND_PACKAGE_SQLite3=ON", "-DMSGQ_PQXX_DIR=OFF"),
    )
    assert said.returncode == 0, said.stderr


def test_packages_are_looked_for_before_they_are_installed() -> None:
    """With everything there the script needs no root, no network and no word."""
    nobody = {"PATH": os.environ["PATH"]}
    said = subprocess.run(
        [ROOT / ".ci" / "packages"], capture_output=True, text=True, check=True, env=nobody
    )
    assert said.stdout + said.stderr == ""


def test_makes_help_lists_every_target() -> None:
    said = subprocess.run(
        ["make", "--silent", "-C", str(ROOT)], capture_output=True, text=True, check=True
    )
    targets = ["demo", "test", "check", "bench", "asan", "tsan", "fuzz"]
    for target in [*targets, "torture", "format", "docs", "clean"]:
        assert f"  {target} " in said.stdout
