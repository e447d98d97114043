"""Several worker processes of one app: started, restarted with growing pauses, stopped together.

Runs on the thread that calls it. Children are fresh interpreters, never forks.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgq._lifecycle import logger
from msgq._signals import Signals
from msgq.config import SUPERVISOR
from msgq.duration import Duration, parse_duration
from msgq.errors import ConfigError

if TYPE_CHECKING:
    from msgq.app import App

_PAUSE_MIN: Final = 0.1
_PAUSE_MAX: Final = 30.0
_HEALTHY_SECONDS: Final = 10.0  # a child that lived so long starts again without a pause
_LOOK_SECONDS: Final = 0.05
_LEAVE_SECONDS: Final = 1.0
_WORKER_NAME: Final = "__msgq_worker__"
_SPEC: Final = "MSGQ_WORKER_SPEC"


class Child:
    """One worker process and its restarts."""

    def __init__(self, command: list[str], environ: dict[str, str]) -> None:
        self._command = command
        self._environ = environ
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.start_at = 0.0
        self.pause = 0.0
        self.restarts = -1

    def start(self) -> None:
        """Starts the process."""
        self.restarts += 1
        self.started_at = time.monotonic()
        environ = {**os.environ, **self._environ, SUPERVISOR: str(os.getpid())}
        self.process = subprocess.Popen(self._command, env=environ)

    def look(self) -> None:
        """Restarts the process when it died: at once if it lived long, else after a pause."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_at:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        is_healthy = now - self.started_at >= _HEALTHY_SECONDS
        self.pause = 0.0 if is_healthy else min(_PAUSE_MAX, max(_PAUSE_MIN, self.pause * 2))
        logger().warning(
            "worker process %d ended with %d; again in %.1f s", self.process.pid, code, self.pause
        )
        self.process, self.start_at = None, now + self.pause

    @property
    def is_alive(self) -> bool:
        """True while the process runs."""
        return self.process is not None and self.process.poll() is None

    def send(self, number: int) -> None:
        """Sends a signal, if there is anybody to get it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


class Supervisor:
    """Keeps `count` processes of one command running until a signal."""

    def __init__(
        self, command: list[str], count: int, grace: float, environ: dict[str, str] | None = None
    ) -> None:
        self._grace = grace
        self.children = [Child(command, environ or {}) for _ in range(count)]

    def run(self, *, burst: bool = False) -> int:
        """Runs until a signal (or, for a burst, until all ended); gives an exit status."""
        with Signals() as signals:
            for child in self.children:
                child.start()
            while (number := signals.wait(_LOOK_SECONDS)) is None:
                if burst:
                    if not any(child.is_alive for child in self.children):
                        break
                    continue
                for child in self.children:
                    child.look()
            return self._stop(signals, number)

    def _stop(self, signals: Signals, number: int | None) -> int:
        if number is not None:
            logger().info("signal %d: %d worker processes end", number, len(self.children))
            self._send(signal.SIGQUIT if number == signal.SIGQUIT else signal.SIGTERM)
        deadline = time.monotonic() + self._grace + _LEAVE_SECONDS
        while any(child.is_alive for child in self.children):
            if signals.wait(_LOOK_SECONDS) is not None:
                self._send(signal.SIGQUIT)  # they leave at once
                deadline = time.monotonic() + _LEAVE_SECONDS
            if time.monotonic() > deadline:
                self._send(signal.SIGKILL)
        codes = [each.process.returncode for each in self.children if each.process is not None]
        # a child that had not begun to listen ended by the signal, with nothing in hand
        well = (0, -signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGINT)
        return next((1 for code in codes if code not in well), 0)

    def _send(self, number: int) -> None:
        for child in self.children:
            child.send(number)


def run_processes(
    app: App,
    count: int,
    queues: Iterable[str] | None,
    concurrency: int | None,
    *,
    burst: bool = False,
    grace: Duration | None = None,
) -> int:
    """Runs `count` worker processes of this app; gives 0 when all ended well.

    Raises ConfigError when the app is no top-level name of a module or script, or keeps its
    messages in memory, where no other process sees them.
    """
    refuse_unshared(app)
    app.worker(queues, concurrency)  # refuses what no child could run
    known = app.config["grace"]
    seconds = known if grace is None else parse_duration(grace, "grace")
    options = {
        "queues": None if queues is None else list(queues),
        "concurrency": concurrency,
        "burst": burst,
        "grace": seconds,
    }
    settings = {**app._settings, **app._command_line}
    plain = {name: value for name, value in settings.items() if name != "processes"}
    spec = json.dumps({"app": find_spec(app), "url": app._url, "run": options, "settings": plain})
    # through the environment: a command line is seen by every user of the machine
    command = [sys.executable, "-m", "msgq.supervisor"]
    return Supervisor(command, count, seconds, {_SPEC: spec}).run(burst=burst)


def refuse_unshared(app: App) -> None:
    """Raises ConfigError for an app with a store that no other process sees."""
    urls = app.config.urls
    for name, url in urls.items():
        if url.scheme in ("memory", "sync"):
            where = f" (transport {name!r})" if len(urls) > 1 else ""
            raise ConfigError(
                f"{url.scheme}:// is seen by one process only; use one (--processes 1){where}"
            )


def find_spec(app: App) -> str:
    """Gives "module:name" or "/path/script.py:name" of an app; ConfigError if it has none."""
    for module_name, module in list(sys.modules.items()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if value is app and module_name not in ("__main__", "__mp_main__"):
                return f"{module_name}:{name}"
    main = sys.modules.get("__main__")
    for name, value in vars(main).items() if main else ():
        file = getattr(main, "__file__", None)
        if value is app and file:
            return f"{Path(file).resolve()}:{name}"
    raise ConfigError("processes= needs the app as a top-level name of a module or script")


def load_app(spec: str) -> App:
    """Gives the app of "module:name" or "path.py:name"; the name `app` when none is said.

    Raises ConfigError saying what is missing.
    """
    from msgq.app import App

    place, _, name = spec.rpartition(":") if ":" in spec else (spec, "", "app")
    if place.endswith(".py"):
        if not Path(place).is_file():
            raise ConfigError(f"there is no file {place!r}")
        space = _run_script(place)
    else:
        space = vars(_import(place))
    found: Any = space.get(name)
    if not isinstance(found, App):
        apps = [each for each, value in space.items() if isinstance(value, App)]
        hint = f"; there is {', '.join(apps)}" if apps else ""
        raise ConfigError(f"{place!r} has no msgq.App named {name!r}{hint}")
    return found


def _run_script(path: str) -> dict[str, Any]:
    folder = str(Path(path).resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return runpy.run_path(path, run_name=_WORKER_NAME)


def _import(name: str) -> Any:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise ConfigError(
                f"there is no module {name!r} in {Path.cwd()} or on the path; start where it is"
            ) from error
        raise


def _child(spec: str) -> int:
    said = json.loads(spec)
    app = load_app(said["app"])
    if said["url"] is not None:
        app._url = said["url"]
    app.configure(**said["settings"])
    run = said["run"]
    left = app.run(run["queues"], run["concurrency"], processes=1, burst=run["burst"],
                   grace=run["grace"])  # fmt: skip
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(_child(os.environ[_SPEC]))
