"""What `msgq check` asks of a PostgreSQL server: version, schema, rights, settings that hurt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from msgq._engine import core

_FREE_CONNECTIONS_MIN: Final = 10
_TIMEOUT_MIN_MS: Final = 10_000


class Told(NamedTuple):
    """One line of the answer, as Finding in check.py."""

    name: str
    is_well: bool
    detail: str
    next_step: str = ""


# Setting that loses messages when it is off, to what happens then.
_LOSING: Final = {
    "fsync": "a crash of the server's machine damages the whole database",
    "full_page_writes": "a power cut may leave torn pages behind",
    "synchronous_commit": "a crash of the server loses messages that were acknowledged",
}
_TIMEOUTS: Final = (
    "statement_timeout", "lock_timeout", "transaction_timeout",
    "idle_in_transaction_session_timeout",
)  # fmt: skip
_OLDEST_MAX_S: Final = 300
_SLOT_BYTES_MAX: Final = 1 << 30


def server(facts: Mapping[str, str]) -> Told:
    """Who answers, and whether it takes writes."""
    detail = (
        f"PostgreSQL {facts['server_version']}, database {facts['database']}, role {facts['role']}"
    )
    if facts["is_standby"] == "true" or facts["default_transaction_read_only"] == "on":
        text = "name the primary, or several hosts with target_session_attrs=read-write"
        return Told("server", False, f"{detail}; takes no writes", text)
    return Told("server", True, detail)


def schema(facts: Mapping[str, str], name: str, found: int, wanted: int, makes: bool) -> Told:
    """Whether the tables are those this msgq needs, or will be made."""
    if found == wanted:
        return Told("schema", True, f"{name}, version {found}")
    if found > wanted:
        detail = f"{name} has version {found}, this msgq knows up to {wanted}"
        return Told("schema", False, detail, "upgrade msgq")
    detail = f"{name} has version {found} of {wanted}"
    if not makes:
        return Told("schema", False, f"{detail}, create_schema is off", "msgq db upgrade")
    if facts["may_use"] == "missing" and facts["may_create"] != "true":
        text = "have its owner run: grant create on database ... to the role"
        return Told("schema", False, f"{detail}, and the role may not make it", text)
    return Told("schema", True, f"{detail}; the first use makes the tables")


def objects(facts: Mapping[str, str], found: int, wanted: int) -> Iterator[Told]:
    """Functions, views and tables that somebody has removed."""
    if found == wanted and facts["missing"]:
        detail = f"missing in the schema: {facts['missing']}"
        yield Told("objects", False, detail, "msgq db upgrade makes functions and views anew")


def held_up(facts: Mapping[str, str]) -> Iterator[Told]:
    """What keeps the server from removing dead rows, and its log from being used again."""
    if facts["sees_all"] != "true":
        detail = "of other roles' sessions nothing is seen; grant pg_read_all_stats to this one"
        yield Told("old transaction", True, detail)
    seconds, slot_bytes = int(facts["oldest_s"]), int(facts["slot_bytes"])
    if seconds > _OLDEST_MAX_S:
        detail = f"session {facts['oldest_pid']} has held a transaction open for {seconds} s"
        text = "end it: until then no dead row is removed, and tables grow"
        yield Told("old transaction", False, detail, text)
    if slot_bytes > _SLOT_BYTES_MAX:
        detail = f"replication slot {facts['slot']} holds {slot_bytes >> 20} MB of WAL"
        text = "bring its standby back, or drop the slot, before the disk is full"
        yield Told("replication slot", False, detail, text)


def settings(facts: Mapping[str, str]) -> Iterator[Told]:
    """Each setting of the server, or of the role, that hurts; one line when none does."""
    hurting = [*_losing(facts), *_short_timeouts(facts)]
    yield from hurting
    if not hurting:
        detail = ", ".join(f"{name}={facts[name]}" for name in _LOSING)
        yield Told("settings", True, detail)
    level = facts["default_transaction_isolation"]
    if level != "read committed":
        yield Told("isolation", True, f"default is {level}; msgq asks for READ COMMITTED itself")
    most, used = int(facts["max_connections"]), int(facts["connections"])
    text = "raise max_connections; each process of msgq holds up to pool_size (5)"
    is_enough = most - used >= _FREE_CONNECTIONS_MIN
    yield Told("connections", is_enough, f"{used} of {most} used", text)


def _losing(facts: Mapping[str, str]) -> Iterator[Told]:
    for name, harm in _LOSING.items():
        if facts[name] == "off":
            yield Told("settings", False, f"{name}=off: {harm}", f"set {name} to on")


def _short_timeouts(facts: Mapping[str, str]) -> Iterator[Told]:
    for name in _TIMEOUTS:
        if 0 < int(facts.get(name, 0)) < _TIMEOUT_MIN_MS:
            detail = f"{name}={facts[name]} ms ends large exchanges, which are tried again in vain"
            yield Told("settings", False, detail, f"alter role ... set {name} = 0")


def pooler(facts: Mapping[str, str]) -> Iterator[Told]:
    """What is lost behind a pooler; nothing is said when there is none."""
    if facts["has_pooler"] == "true":
        detail = (
            "there is one: hints are not heard (queues are polled, up to poll_max), a dead process"
            " is seen after 10 s instead of 1 s"
        )
        yield Told("pooler", True, detail)


def told(options: dict[str, Any]) -> Iterator[Told]:
    """All of it. Raises what a connection raises."""
    facts = dict(core().server_facts(options))
    yield server(facts)
    yield from pooler(facts)
    found, wanted = core().schema_version(options)
    yield schema(facts, options["schema"], found, wanted, options["create_schema"])
    yield from objects(facts, found, wanted)
    yield from settings(facts)
    yield from held_up(facts)
