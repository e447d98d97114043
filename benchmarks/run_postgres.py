"""The runner for PostgreSQL: a durable server of its own, each figure beside its ceiling.

make bench-pg ARGS="--quick --only N3"     or python -m benchmarks.run_postgres --only N3
make bench-pg ARGS="--only N10 --hold 600 --only backlog --backlog 10000000"
make bench-pg ARGS="--only settings"       what each setting of the server is worth
"""

from __future__ import annotations

import json
import sys

from benchmarks import machine, server_settings
from benchmarks.database import Database
from benchmarks.postgres_cases import all_cases
from benchmarks.run import chosen, parser_of, run, setting_of, store


def main() -> int:
    """Run, print, store; 1 when a case could not be run. A bar not reached is SHORT, and 0."""
    parser = parser_of("benchmarks.run_postgres", __doc__ or "")
    parser.add_argument("--hold", type=float, default=20.0, help="seconds of N10 and of hold")
    parser.add_argument("--backlog", type=int, default=1_000_000, help="messages of backlog")
    given = parser.parse_args()
    asked = all_cases() + (server_settings.cases() if given.only or given.list else [])
    cases = chosen(asked, given.only, given.skip)
    if given.list or not cases:
        for case in cases or asked:
            print(f"{case.number:<10} {case.name:<26} {case.question}?")
        return 0 if given.list else 2
    with Database() as database:
        more = {"hold_s": given.hold, "backlog": given.backlog, "database": database}
        setting = setting_of(given, **more)
        facts = {**machine.describe(given.folder), "server": database.describe()}
        print(json.dumps(facts), flush=True)
        results, failed = run(cases, setting)
    saved = [given.save] if given.save else []
    targets = [given.folder / "latest_postgres.json", *saved, given.folder / "latest_postgres.md"]
    store(results, facts, setting, targets)
    for case in failed:
        print(f"FAILED: {case.number} {case.name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
