"""Judged in shards, a history gets the verdict that it gets as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle import HistoryError, judge, merge, shards
from tests.oracle.shards import histories_in_shards, judge_in_shards
from tests.oracle.story import Story
from tests.oracle.test_bad_histories import BAD
from tests.oracle.verdict import Limits


@pytest.fixture(autouse=True)
def many_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "LINES_EACH", 1)


def write(story: Story, folder: Path) -> None:
    for event in story.events:
        with (folder / f"{event.client}.history").open("ab") as file:
            file.write(event.to_line())


@pytest.mark.parametrize("name", [name for name in BAD if BAD[name][0] != "I7"])
def test_a_bad_history_is_rejected_for_the_same_reasons(name: str, tmp_path: Path) -> None:
    _, limits, tell = BAD[name]
    story = Story()
    tell(story)
    write(story, tmp_path)
    whole = judge(merge(story.events), limits)
    sharded = judge_in_shards(histories_in_shards(tmp_path), limits)
    assert sharded.accounting == whole.accounting
    assert set(sharded.violations) == set(whole.violations)


def test_a_good_one_is_good_and_sums_up(tmp_path: Path) -> None:
    story = Story()
    for number in range(100):
        story.whole(f"m{number}")
    story.note("depth", sent=100, done=100)
    write(story, tmp_path)
    assert shards.shards_of(tmp_path) > 10
    verdict = judge_in_shards(histories_in_shards(tmp_path), Limits(needs_empty_end=True))
    assert verdict.is_good
    assert verdict.accounting.acknowledged == 100
    assert not (tmp_path / "shards").exists()


def test_a_missing_line_is_noticed_and_a_cut_one_is_not_read(tmp_path: Path) -> None:
    story = Story()
    story.whole("a")
    write(story, tmp_path)
    path = tmp_path / "worker.history"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines) + lines[-1][:20])
    assert len(list(histories_in_shards(tmp_path))) > 0
    path.write_bytes(b"".join(lines[1:]))
    with pytest.raises(HistoryError):
        list(histories_in_shards(tmp_path))
