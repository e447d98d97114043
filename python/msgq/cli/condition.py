"""The small language of `--fail-if`: `send.rate < 50000 or e2e.p99_ms > 20`.

Names are those of the report with dots, numbers are plain, comparisons are < <= > >= == !=, joined
by `and` and `or` (`and` binds closer). No parentheses, no code: nothing is evaluated as Python.
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgq.errors import ConfigError

_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_TERM: Final = re.compile(
    r"\s*([A-Za-z_][\w.]*)\s*(<=|>=|==|!=|<|>)\s*([-+]?[\d._]+(?:e[-+]?\d+)?)\s*"
)

Term = tuple[str, str, float]


def parse(text: str) -> list[list[Term]]:
    """Alternatives of terms that must all hold. Raises ConfigError with what is wrong in it."""
    return [
        [_parse_term(part, text) for part in re.split(r"\band\b", alternative)]
        for alternative in re.split(r"\bor\b", text)
    ]


def holds(condition: list[list[Term]], report: Mapping[str, Any]) -> bool:
    """Whether any alternative holds. Raises ConfigError for a name the report does not have."""
    return any(
        all(_COMPARE[sign](_value(report, name), number) for name, sign, number in terms)
        for terms in condition
    )


def names_in(report: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Every name a condition may use with this report."""
    names: list[str] = []
    for key, value in report.items():
        if isinstance(value, Mapping):
            names += names_in(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            names.append(prefix + key)
    return names


def _parse_term(part: str, whole: str) -> Term:
    match = _TERM.fullmatch(part)
    try:
        if match is None:
            raise ValueError(part)
        return match[1], match[2], float(match[3])
    except ValueError:
        raise ConfigError(
            f"--fail-if cannot read {part.strip()!r} in {whole!r}; write NAME < NUMBER, "
            "joined by `and` or `or`, such as: send.rate < 50000 or e2e.p99_ms > 20"
        ) from None


def _value(report: Mapping[str, Any], name: str) -> float:
    value: Any = report
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if not isinstance(value, int | float):
        known = ", ".join(names_in(report))
        raise ConfigError(f"--fail-if: the report has no number {name!r}; it has: {known}")
    return float(value)
