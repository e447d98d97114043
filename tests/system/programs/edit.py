"""Edits dead letters one by one and sends each again, as fast as it can; says each.

Orders: queue.
"""

from __future__ import annotations

import msgq
from tests.system.programs.common import body_of, key_of, say, spec

if __name__ == "__main__":
    with msgq.connect() as client:
        queue = client.queue(spec["queue"])
        for letter in client.dead_letters(queue.name):
            queue.redrive_edited(letter.id, body=body_of("new-" + key_of(letter.body)))
            say("edited")
    say("done")
