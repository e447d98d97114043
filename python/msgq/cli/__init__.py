"""The command line. This module imports nothing: Typer and rich come with the first command, so
that `import msgq` stays light. Each command group has a file of its own; `root` joins them.
"""


def main() -> None:
    """Runs the command named by the arguments of the process and ends it with its exit status."""
    from msgq.cli.root import run

    run()
