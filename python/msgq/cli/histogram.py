"""Latencies in buckets 3 % apart: constant memory however long a measurement runs."""

import math
from typing import Final

_STEPS_PER_DOUBLING: Final = 24  # 2 ** (1 / 24): neighbours differ by 2.9 %
_SMALLEST_S: Final = 1e-7


class Histogram:
    """Counts durations (seconds). One thread; merge() brings several together."""

    __slots__ = ("_counts", "count", "highest", "total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.highest = 0.0

    def add(self, seconds: float, times: int = 1) -> None:
        """Counts a duration `times` times."""
        index = int(math.log2(max(seconds, _SMALLEST_S) / _SMALLEST_S) * _STEPS_PER_DOUBLING)
        self._counts[index] = self._counts.get(index, 0) + times
        self.count += times
        self.total += seconds * times
        self.highest = max(self.highest, seconds)

    def merge(self, other: "Histogram") -> None:
        """Adds what `other` counted."""
        for index, times in other._counts.items():
            self._counts[index] = self._counts.get(index, 0) + times
        self.count += other.count
        self.total += other.total
        self.highest = max(self.highest, other.highest)

    def percentile(self, percent: float) -> float:
        """The duration (seconds) that `percent` of all stay below; 0 when nothing was counted."""
        rank = math.ceil(self.count * percent / 100)
        seen = 0
        for index in sorted(self._counts):
            seen += self._counts[index]
            if seen >= rank:
                return min(_SMALLEST_S * 2 ** ((index + 1) / _STEPS_PER_DOUBLING), self.highest)
        return 0.0

    def summary_ms(self) -> dict[str, float]:
        """Mean, p50, p95, p99 and maximum, in milliseconds."""
        mean = self.total / self.count if self.count else 0.0
        return {
            "mean_ms": round(mean * 1e3, 4),
            **{f"p{p}_ms": round(self.percentile(p) * 1e3, 4) for p in (50, 95, 99)},
            "max_ms": round(self.highest * 1e3, 4),
        }
