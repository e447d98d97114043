"""Runs a machine: what makes one is a function, as each has a store to compare with."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


def run(make: Callable[[], RuleBasedStateMachine], how: settings) -> None:
    """Random steps, many times over; raises what a step or a comparison raised, made small."""
    run_state_machine_as_test(cast("type[RuleBasedStateMachine]", make), settings=how)
