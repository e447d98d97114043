"""`msgq init DIR`: a small project that runs as it is, to change into your own."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import typer

from msgq.cli.options import Json
from msgq.cli.output import print_json, print_text
from msgq.errors import ConfigError

# What is written, by the name of the template that lies beside this file.
FILES: Final = {
    "handlers.py": "handlers.py.txt",
    "send.py": "send.py.txt",
    "test_handlers.py": "test_handlers.py.txt",
    "msgq.toml": "msgq.toml.txt",
    "README.md": "readme.md.txt",
}


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made when it is not there.")],
    as_json: Json = False,
) -> None:
    """Write a starter project: handlers, a sender, a test and settings."""
    taken = [name for name in FILES if (folder / name).exists()]
    if taken:
        raise ConfigError(
            f"{folder} already has {', '.join(taken)}; nothing is overwritten, name another folder"
        )
    _write(folder)
    if as_json:
        print_json({"folder": str(folder), "files": list(FILES)})
        return
    print_text(f"wrote {', '.join(FILES)} to {folder}. Now:")
    print_text(f"  cd {folder}\n  python send.py\n  msgq worker handlers:app --burst")


def _write(folder: Path) -> None:
    """Writes all files, or none. Raises ConfigError when the folder cannot hold them."""
    templates = files("msgq.cli") / "starter"
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, template in FILES.items():
            written.append(folder / name)
            written[-1].write_text((templates / template).read_text("utf-8"), "utf-8")
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        text = f"cannot write to {folder}: {error.strerror}; nothing was written, name another"
        raise ConfigError(f"{text} folder") from None


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command(epilog="Example: msgq init shop")(init)
