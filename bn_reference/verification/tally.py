"""A tally: what was seen while one property was tried."""

from __future__ import annotations

from dataclasses import dataclass, field

from bn_reference.cases.case import Case
from bn_reference.oracle.compare import Comparison
from bn_reference.properties import Property
from bn_reference.properties.deviations import Deviation

__all__ = ["Tally"]


@dataclass
class Tally:
    """Numbers of one property in one pair of dtypes.

    Attributes:
        powerless, deviating: examples whose bounds could see nothing; examples in which the target did as torch is known to do.
        failing, failure: the case that broke it, and how.
        final: whether nothing smaller is to be sought, as a case may take as long as the time limit.
    """

    property: Property
    examples: int = 0
    powerless: int = 0
    worst_ratio: float | None = None
    seconds: float = 0.0
    deviating: int = 0
    deviations: dict[str, Deviation] = field(default_factory=dict)
    unsupported: str = ""
    failing: Case | None = None
    failure: Comparison | str = ""
    final: bool = False

    def note(self, comparison: Comparison) -> None:
        self.examples += 1
        self.powerless += comparison.powerless
        if comparison.ratio is not None:
            self.worst_ratio = max(comparison.ratio, self.worst_ratio or 0.0)
