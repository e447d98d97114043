"""Every error of msgq has an exit status and a next step."""

import pytest

from msgq import errors
from msgq.cli.exit_codes import ENDINGS, MEANINGS, Exit, ending_of


def test_every_status_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Exit)


@pytest.mark.parametrize("kind", errors.CORE_CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_of_the_core_ends_in_its_own_way(kind: type[errors.MsgqError]) -> None:
    ending = ending_of(kind("text"))
    assert kind.__name__ in ENDINGS
    assert ending.exit not in (Exit.OK, Exit.FAILED)
    assert ending.next_step


def test_subclasses_end_like_their_base() -> None:
    class Special(errors.StoreFullError):
        pass

    assert ending_of(Special("x")).exit == Exit.FULL


def test_what_is_unknown_is_a_failure() -> None:
    assert ending_of(ValueError("x")).exit == Exit.FAILED


def test_every_name_in_the_table_is_an_error() -> None:
    assert all(hasattr(errors, name) for name in ENDINGS)
