"""Every error pickles, copies, shows msgq as its module, and is what the table of style says."""

from __future__ import annotations

import copy
import pickle

import pytest

import msgq
from msgq import errors

CLASSES: list[type[errors.MsgqError]] = [errors.MsgqError, errors.StoreError, *errors.CORE_CLASSES]
DOUBLE_BASES = [
    (errors.ConfigError, ValueError),
    (errors.PayloadError, ValueError),
    (errors.WaitTimeoutError, TimeoutError),
    (errors.StoreUnavailableError, ConnectionError),
    (errors.NotFoundError, LookupError),
    (errors.UnsupportedError, NotImplementedError),
]


@pytest.mark.parametrize("kind", CLASSES)
def test_errors_pickle_and_copy_with_text_and_fields(kind: type[errors.MsgqError]) -> None:
    error = kind("what was wrong")
    error.store_code = 13
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert str(again) == "what was wrong"
        assert again.store_code == 13


@pytest.mark.parametrize("kind", [*CLASSES, errors.BatchError])
def test_errors_show_msgq_as_their_module(kind: type[errors.MsgqError]) -> None:
    assert kind.__module__ == "msgq"
    assert getattr(msgq, kind.__name__) is kind


@pytest.mark.parametrize(("kind", "base"), DOUBLE_BASES)
def test_errors_are_also_what_python_calls_them(
    kind: type[errors.MsgqError], base: type[BaseException]
) -> None:
    assert issubclass(kind, errors.MsgqError)
    assert issubclass(kind, base)


def test_codes_are_stable_and_each_names_one_class() -> None:
    assert {each.code for each in errors.CORE_CLASSES} == {
        "ConfigInvalid", "PayloadInvalid", "QueueFull", "WaitTimeout", "Closed", "SchemaMismatch",
        "Duplicate", "DedupConflict", "RolledBack",
        "StoreUnavailable", "StoreRejected", "StoreFull", "StoreInDoubt", "LeaseLost", "NotFound",
        "Unsupported", "Internal",
    }  # fmt: skip
    assert len({each.code for each in CLASSES}) == len(CLASSES)


def test_what_may_be_tried_again_says_so() -> None:
    retryable = {each for each in CLASSES if each.is_retryable}
    assert retryable == {
        errors.QueueFullError, errors.WaitTimeoutError, errors.StoreUnavailableError,
        errors.StoreFullError,
    }  # fmt: skip
    assert errors.StoreInDoubtError.is_in_doubt


def test_the_core_raises_these_classes() -> None:
    with pytest.raises(msgq.ConfigError) as caught:
        msgq.connect("memory://").queue("")
    assert type(caught.value) is errors.ConfigError


def test_batch_error_keeps_what_failed() -> None:
    error = msgq.BatchError({3: ValueError("a"), 5: KeyError("b")})
    again = pickle.loads(pickle.dumps(error))
    assert list(again.failed) == [3, 5]
    assert "2 of the batch failed" in str(again)
    assert "3: ValueError" in str(again)
