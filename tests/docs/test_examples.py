"""Every example of README.md and docs/ is run: page by page, top to bottom, in an empty folder.

    ```python             run as a program
    ```python file=x.py   written to x.py; with `run` behind it, also run
    ```console            lines that begin with `$ msgq` are run; others are not ours to run

A worker that would run for ever gets --burst, a display that would refresh for ever --times 2.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(python|console)([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    language: str
    words: list[str]
    text: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    return [
        Block(found[1], found[2].split(), found[3], text.count("\n", 0, found.start()) + 1)
        for found in FENCE.finditer(text)
    ]


def commands_of(block: Block) -> list[list[str]]:
    commands = []
    for line in block.text.splitlines():
        if line.startswith("$ msgq "):
            command = shlex.split(line.removeprefix("$ msgq "), comments=True)
            if command[0] == "worker" and "--burst" not in command:
                command.append("--burst")
            if "--watch" in command:
                command += ["--times", "2", "--interval", "10ms"]
            commands.append([sys.executable, "-m", "msgq", *command])
    return commands


def run(command: list[str], folder: Path, where: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MSGQ_")}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, f"{where}: {shlex.join(command)}\n{done.stdout}\n{done.stderr}"


def run_block(block: Block, page: Path, folder: Path) -> None:
    where = f"{page.relative_to(ROOT)}:{block.line}"
    if block.language == "console":
        for command in commands_of(block):
            run(command, folder, where)
        return
    name = next((word[5:] for word in block.words if word.startswith("file=")), None)
    script = folder / (name or f"example_{block.line}.py")
    script.write_text(block.text, "utf-8")
    if name is None or "run" in block.words:
        run([sys.executable, str(script)], folder, where)


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if blocks_of(page)],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_examples_of_a_page_run(page: Path, tmp_path: Path) -> None:
    for block in blocks_of(page):
        run_block(block, page, tmp_path)


def test_there_are_examples() -> None:
    assert sum(len(blocks_of(page)) for page in PAGES) > 10
