"""A tally: what was seen while one property was tried."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import median

from bn_reference.cases.case import Case
from bn_reference.oracle.compare import Comparison
from bn_reference.properties import Property
from bn_reference.properties.deviations import Deviation
from bn_reference.targets.lives import Outcome
from bn_reference.verification.survey import Survey

__all__ = ["Tally"]


@dataclass
class Tally:
    """Numbers of one property in one pair of dtypes.

    Attributes:
        examples: cases that were compared.
        refused: why others could not be asked, and how many.
        powerless, deviating: examples whose bounds could see nothing; examples in which the target did as torch is known to do.
        resolutions: of the examples that measure something.
        by_rows: the same by the power of ten up to which they have rows.
        ratios_by_rows: the largest error / bound by the same.
        largest: the most rows, and the most channels, of a case that was compared.
        lived, unsettled: examples of a layer that lived before the step; of one beside a layer that could not be brought back.
        saw_y: whether the output was held against the oracle's with power.
        deviations, gone: those that were met; those of which the library that has them showed nothing on their witnesses.
        failing, failure: the case that broke it, and how.
        broken_at: when it was broken first, as ``time.process_time`` tells it.
        final: whether nothing smaller is to be sought, as a case may take as long as the time limit.
        accepted: examples that broke the rule as an accepted deviation says, by its number.
        survey: all cases that break the rule, where they are wanted.
        known: whether the case that broke it was found before.
        replayed: cases that were, which are tried beside those that are asked for.
    """

    property: Property
    examples: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    powerless: int = 0
    worst_ratio: float | None = None
    resolutions: list[float] = field(default_factory=list)
    by_rows: dict[int, list[float]] = field(default_factory=dict)
    ratios_by_rows: dict[int, float] = field(default_factory=dict)
    largest: tuple[int, int] = (0, 0)
    lived: int = 0
    unsettled: int = 0
    saw_y: bool = False
    seconds: float = 0.0
    deviating: int = 0
    deviations: dict[str, Deviation] = field(default_factory=dict)
    gone: list[Deviation] = field(default_factory=list)
    failing: Case | None = None
    failure: Comparison | None = None
    broken_at: float | None = None
    final: bool = False
    accepted: Counter[int] = field(default_factory=Counter)
    survey: Survey | None = None
    known: bool = False
    replayed: int = 0

    def note(self, comparison: Comparison, case: Case, life: Outcome = "") -> None:
        """One more case was compared, with what came of its life."""
        self._count(case, life)
        self.powerless += comparison.powerless
        up_to = 10 ** len(str(max(case.rows - 1, 1)))
        if self.survey is not None and comparison.holds:
            self.survey.kept(case)
        if comparison.ratio is not None:
            self.worst_ratio = max(comparison.ratio, self.worst_ratio or 0.0)
            self.ratios_by_rows[up_to] = max(comparison.ratio, self.ratios_by_rows.get(up_to, 0.0))
            self.saw_y = self.saw_y or (self.property.direct and comparison.what == "y" and not comparison.powerless)
        if comparison.resolution is not None:
            self.resolutions.append(comparison.resolution)
            self.by_rows.setdefault(up_to, []).append(comparison.resolution)

    def accept(self, number: int, comparison: Comparison, case: Case, life: Outcome = "") -> None:
        """One more case broke it as the accepted deviation of this number says; its ratio is no measure of the others."""
        self._count(case, life)
        self.accepted[number] += 1
        self.powerless += comparison.powerless
        shown = comparison.fact is None and comparison.what == "y" and not comparison.powerless
        self.saw_y = self.saw_y or (self.property.direct and shown)

    def _count(self, case: Case, life: Outcome) -> None:
        self.examples += 1
        self.lived += life == "settled"
        self.unsettled += life == "unsettled"
        self.largest = max(self.largest[0], case.rows), max(self.largest[1], case.channels)

    def is_wanting(self) -> bool:
        """Whether more cases are to be tried on it: until it is broken, or as long as where it is broken is to be found out."""
        return self.failing is None or (self.survey is not None and not self.final)

    def deviates(self, met: list[Deviation]) -> None:
        """In one more case the target did as torch is known to do; where none is met, it did not."""
        self.deviating += bool(met)
        self.deviations |= {deviation.name: deviation for deviation in met}

    def broken_by(self, case: Case, failure: Comparison, *, final: bool = False) -> None:
        """The case shows that the property does not hold; of several, the first."""
        if self.survey is not None:
            self.survey.broke(case, failure)
        if self.failing is not None and not final:
            return
        self.failing, self.failure, self.final = case, failure, final
        self.broken_at = time.process_time() if self.broken_at is None else self.broken_at

    def kept(self) -> int:
        """Examples that were compared and are not accepted as broken."""
        return self.examples - self.accepted.total()

    def met(self) -> int:
        """Cases that were tried and of which the property speaks, without those of other runs."""
        return self.examples + self.refused.total() - self.replayed

    def resolution(self) -> tuple[float, float] | None:
        """The median and the worst over the examples."""
        return (median(self.resolutions), max(self.resolutions)) if self.resolutions else None

    def resolution_by_rows(self) -> dict[int, float]:
        """The median by power of ten, the smallest first."""
        return {most: median(self.by_rows[most]) for most in sorted(self.by_rows)}
