"""A worker that rejects messages whose body begins with "reject" and is content with the others.

Orders: settings.
"""

from __future__ import annotations

import sys

import msgq
from tests.system.programs.common import key_of, say, spec

app = msgq.App(**spec["settings"])


@app.handler(queue=spec["queue"], name="*")
def handle(body: bytes) -> msgq.Reject | None:
    if not key_of(body).startswith("reject"):
        return None
    say("rejecting", key=key_of(body))
    return msgq.Reject("not wanted")


if __name__ == "__main__":
    sys.exit(1 if app.run() else 0)
