"""The runner must not flatter: ratios of neighbouring runs, bars both ways, honest comparing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from benchmarks import compare
from benchmarks.harness import Case, Result, Row, Setting, SkippedError, run_case
from benchmarks.run import chosen, run


def make_case(bar: float | None = 0.8, *, less: bool = False) -> tuple[Case, list[str]]:
    order: list[str] = []
    allowed = iter([100.0, 50.0, 10.0])
    reached = iter([90.0, 45.0, 1.0])

    def ceiling(setting: Setting) -> dict[str, float]:
        order.append("ceiling")
        return {"rate": next(allowed)}

    def measure(setting: Setting) -> dict[str, float]:
        order.append("measure")
        return {"rate": next(reached)}

    row = Row("row", "rate", "msg/s", "rate", bar, less)
    return Case("N0", "made up", "how fast", measure, [row], ceiling, "bare"), order


def test_runs_alternate_and_the_ratio_is_that_of_neighbours(tmp_path: Path) -> None:
    case, order = make_case()
    (result,) = run_case(case, Setting(tmp_path, runs=3), lambda _: None)
    assert order == ["ceiling", "measure"] * 3
    # 0.9, 0.9, 0.1: the machine that got slower in between does not spoil the median.
    assert result.ratio == pytest.approx(0.9)
    assert result.value == 45.0
    assert result.holds is True


@pytest.mark.parametrize(
    ("bar", "less", "value", "holds"),
    [
        (5.0, False, 4.0, False),
        (5.0, False, 6.0, True),
        (5.0, True, 6.0, False),
        (None, True, 6, None),
    ],
)
def test_bar_without_ceiling_is_a_value(
    bar: float | None, less: bool, value: float, holds: bool | None
) -> None:
    case, _ = make_case()
    result = Result(case, Row("row", "rate", "us", "", bar, less), values=[value])
    assert result.holds is holds


def test_whole_words_choose() -> None:
    case, _ = make_case()
    names = (("N1", "1000"), ("N10", "idle"), ("N1", "100 far"))
    cases = [dataclasses.replace(case, number=number, name=name) for number, name in names]
    assert [each.name for each in chosen(cases, ["N1"], [])] == ["1000", "100 far"]
    assert [each.name for each in chosen(cases, ["N1 100"], [])] == ["100 far"]
    assert [each.number for each in chosen(cases, [], ["N1"])] == ["N10"]


def test_a_case_that_cannot_be_asked_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(setting: Setting) -> dict[str, float]:
        raise SkippedError("no pooler here")

    case = Case("N0", "made up", "how fast", measure, [])
    assert run([case], Setting(tmp_path)) == ([], [])
    assert "skipped: no pooler here" in capsys.readouterr().out


def write_result(
    path: Path, ratio: float | None, value: float, *, processor: str = "one", load: float = 0.5
) -> Path:
    row = {"id": "N5", "ratio": ratio, "value": value, "less_is_better": False}
    machine = {"processor": processor, "cores": 2, "load": load}
    path.write_text(json.dumps({"machine": machine, "rows": [row]}))
    return path


@pytest.mark.parametrize(
    ("ratio", "value", "processor", "status"),
    [
        (0.9, 50.0, "other", 0),  # the ratio is what counts
        (0.6, 500.0, "one", 1),
        (None, 50.0, "one", 1),
        (None, 50.0, "other", 0),  # values do not travel between machines
    ],
)
def test_compare_fails_on_what_got_worse(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ratio: float | None,
    value: float,
    processor: str,
    status: int,
) -> None:
    before = write_result(tmp_path / "before", None if ratio is None else 0.9, 100.0)
    after = write_result(tmp_path / "after", ratio, value, processor=processor)
    monkeypatch.setattr("sys.argv", ["compare", str(before), str(after)])
    assert compare.main() == status


def test_compare_judges_nothing_on_a_busy_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = write_result(tmp_path / "before", 0.9, 100.0)
    after = write_result(tmp_path / "after", 0.1, 10.0, load=8.0)
    monkeypatch.setattr("sys.argv", ["compare", str(before), str(after)])
    assert compare.main() == 0
    assert "not judged" in capsys.readouterr().out
