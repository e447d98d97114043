"""`msgq dead retry --each`: one dead letter after the other, and what to do with it."""

from typing import Final

import typer

import msgq
from msgq.cli.exit_codes import Exit
from msgq.cli.output import note, print_text
from msgq.cli.show import show_one
from msgq.cli.store import has_terminal
from msgq.dead import DeadLetters

_CHOICES: Final = {"r": "retry", "d": "delete", "s": "skip", "q": "quit"}
_QUESTION: Final = "[r]etry, [d]elete, [s]kip, [q]uit"


def ask_each(letters: DeadLetters) -> None:
    """Asks until they are over, or until the answer is quit. Raises Exit(USAGE) without a terminal.

    Each answer is carried out at once.
    """
    if not has_terminal():
        note("msgq: --each asks, and nobody can answer here. Next: choose by ids or options.")
        raise typer.Exit(Exit.USAGE)
    counts = dict.fromkeys(("retry", "delete", "skip", "gone"), 0)
    for letter in letters:
        show_one(letter, as_json=False)
        answer = _ask()
        if answer == "quit":
            break
        queue = msgq.Queue(letters._client, letter.queue)
        counts[answer if _carried_out(queue, letter, answer) else "gone"] += 1
    print_text(
        f"{counts['retry']} sent again, {counts['delete']} removed, {counts['skip']} skipped"
        + (f", {counts['gone']} gone meanwhile" if counts["gone"] else "")
    )


def _ask() -> str:
    while True:
        said = typer.prompt(_QUESTION, err=True).strip().lower()
        for key, word in _CHOICES.items():
            if said in {key, word}:
                return word
        note(f"msgq: {said!r:.20} is none of {', '.join(_CHOICES.values())}")


def _carried_out(queue: msgq.Queue, letter: msgq.Message, answer: str) -> bool:
    """False when it is no longer dead: somebody else was first."""
    if answer == "retry":
        return queue.redrive(letter.id) > 0
    return answer == "skip" or queue.delete_dead(letter.id) > 0
