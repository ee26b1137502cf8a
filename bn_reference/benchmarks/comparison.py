"""Whether an implementation has become slower than a baseline, told from noise by an interval.

The baseline is an earlier run, of which fractions are compared, not seconds; or another implementation timed in the same turns.
A ratio gets a bootstrap interval (Efron 1979): whole series are drawn again, then the turns within each, as where the arrays
lie in memory moves a series more than noise moves a turn (a nested bootstrap; Davison & Hinkley 1997, section 3.8).

Between two runs the machine itself may differ. A slower clock moves all yardsticks as much as the operation. A neighbour that
takes up memory moves them apart: the core not at all, a copy or passes over one array by more or less, as the cache they need
is theirs or shared, and the operation by yet another factor. So an implementation has become slower only where it has lost
against *every* yardstick, and by more than they have moved apart may explain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.benchmarks.rows import Row
from bn_reference.benchmarks.sampling import RIVAL, YARDSTICKS, Samples

__all__ = ["ATTEMPTS", "CONFIDENCE", "Change", "Ratio", "beside", "confirmed", "paired"]

CONFIDENCE = 0.95  # of one interval
RESAMPLES = 1000
ATTEMPTS = (2, 6)  # measurements taken together: before a row is called slower; at most, where the interval holds the limit
# Yardsticks that moved apart by more, in thresholds, say that the machine is not what it was. Idle or beside a busy core they
# move apart by up to one where all is in the core's own cache; a neighbour that empties the shared cache moves them by two.
TOO_FAR_APART = 1.5


@dataclass(frozen=True)
class Ratio:
    """Speed now over speed then, below 1 where it became slower, with the ends of its interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Change:
    """A row beside its baseline.

    Attributes:
        row: measured now.
        then: what it is compared with, in words, and its fraction of the copy's speed.
        ratios: by yardstick, or the one against the rival.
        threshold: the loss of speed that is allowed.
    """

    row: Row
    then: tuple[str, float]
    ratios: dict[str, Ratio]
    threshold: float

    @property
    def decisive(self) -> Ratio:
        """The one that speaks most for the implementation."""
        return max(self.ratios.values(), key=lambda ratio: ratio.upper)

    @property
    def disagreement(self) -> float:
        """By how much the yardsticks moved apart since the baseline."""
        values = [ratio.value for ratio in self.ratios.values()]
        return max(values) / min(values) - 1

    @property
    def suspicious(self) -> bool:
        """Whether the whole interval lies beyond the threshold, against every yardstick."""
        return self.decisive.upper < 1 - self.threshold

    @property
    def slower(self) -> bool:
        """Whether it is so, and not by what the machine did meanwhile.

        A neighbour was seen to slow an operation by less than the square of the factor by which it moved the yardsticks apart.
        """
        moved = self.disagreement > TOO_FAR_APART * self.threshold
        excused = (1 + self.disagreement) ** 2 if moved else 1.0
        return self.suspicious and excused * self.decisive.upper < 1 - self.threshold

    @property
    def unsure(self) -> bool:
        """Whether it lost so much, and the machine may be why."""
        return self.suspicious and not self.slower

    @property
    def decided(self) -> bool:
        """Whether the interval leaves the limit out, on either side."""
        return self.slower or any(ratio.lower >= 1 - self.threshold for ratio in self.ratios.values())

    def to_json(self) -> dict[str, Any]:
        target, fraction = self.then
        return {
            **self.row.to_json(),
            "baseline": {"target": target, "fraction_of_copy": fraction},
            "ratios": {name: asdict(ratio) for name, ratio in self.ratios.items()},
            "disagreement": self.disagreement,
            "slower": self.slower,
            "unsure": self.unsure,
        }


def beside(row: Row, baseline: Row, threshold: float) -> Change:
    """A row beside that of an earlier run; ``threshold`` 0.1 allows a tenth of the speed to be lost."""
    ratios = {of: _ratio(_resampled(row.samples, of), _resampled(baseline.samples, of)) for of in YARDSTICKS}
    return Change(row, (baseline.target, baseline.fraction_of_copy), ratios, threshold)


def paired(row: Row, rival: str, threshold: float) -> Change:
    """A row beside what a rival took in the same turns."""
    against = _resampled(row.samples, RIVAL)
    fraction = row.fraction_of_copy / row.samples.fraction(RIVAL)
    return Change(row, (rival, fraction), {RIVAL: _ratio(against, np.ones_like(against))}, threshold)


def confirmed(measure: Callable[[], Row], compare: Callable[[Row], Change]) -> Change:
    """Measure and compare; what looks slower or stays undecided is measured again, and all measurements count together."""
    least, most = ATTEMPTS
    row, attempts = measure(), 1
    while True:
        change = compare(row)
        if (change.decided and not (change.slower and attempts < least)) or attempts == most:
            return change
        row, attempts = replace(row, samples=row.samples + measure().samples), attempts + 1


def _ratio(now: npt.NDArray[np.float64], then: npt.NDArray[np.float64]) -> Ratio:
    """Of resampled medians, the first of which are the medians themselves."""
    ratios, tail = now / then, (1 - CONFIDENCE) / 2
    lower, upper = np.quantile(ratios, [tail, 1 - tail])
    return Ratio(float(ratios[0]), float(lower), float(upper))


def _resampled(samples: Samples, of: str) -> npt.NDArray[np.float64]:
    """The median of the fractions, and those of RESAMPLES measurements that are drawn from them: (1 + RESAMPLES,)."""
    shortest = min(len(one.fractions(of)) for one in samples.series)
    turns = np.array([one.fractions(of)[:shortest] for one in samples.series])
    rng = np.random.default_rng(0)  # the same samples always give the same interval
    series = rng.integers(len(turns), size=(RESAMPLES, len(turns), 1))
    drawn = turns[series, rng.integers(shortest, size=(RESAMPLES, len(turns), shortest))]
    medians: npt.NDArray[np.float64] = np.median(drawn.reshape(RESAMPLES, -1), axis=1)
    return np.concatenate([[np.median(turns)], medians])
