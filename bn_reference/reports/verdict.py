"""The verdict on a target, with all that it rests on: values alone, for whoever says them in words, in JSON or in HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bn_reference.conventions import TORCH, Conventions
from bn_reference.properties import PROPERTIES
from bn_reference.reports.accepted import Standing, in_the_way
from bn_reference.reports.part import Part
from bn_reference.reports.results import Cause, Result

__all__ = ["SHOW_Y", "Verdict"]

SHOW_Y = frozenset(
    property.name for property in PROPERTIES if property.direct and property.family in ("normalization", "evaluation")
)


@dataclass(frozen=True, eq=False)
class Verdict:
    """The verdict on a target: it conforms where no rule is violated and something of weight was verified.

    Attributes:
        target: as the user gave it.
        environment: the versions that the verdict depends on.
        seed: of the cases.
        seconds: that it took.
        results: one a rule and pair of dtypes.
        causes: the violations, one entry a cause.
        interrupted: whether it was ended early.
        options: what was asked for.
        conventions: those that the target was found to keep, and was judged by.
        demanded: those that it was to keep.
        capabilities: what it can be asked for, as far as that was found out.
        notes: what else a reader must know of this run, a sentence each.
        accepted: the accepted deviations of the target, and how each stands.
        part: which one of several these are the results of, each tried elsewhere; None where they are all.
    """

    target: str
    environment: dict[str, str]
    seed: int
    seconds: float
    results: tuple[Result, ...] = ()
    causes: tuple[Cause, ...] = ()
    interrupted: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    conventions: Conventions = TORCH
    demanded: Conventions = TORCH
    capabilities: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    accepted: tuple[Standing, ...] = ()
    part: Part | None = None

    @property
    def conforms(self) -> bool:
        """Whether the target does; no part of a run says so."""
        return self.part is None and not self.interrupted and not self.hollow and not self.objects

    @property
    def objects(self) -> bool:
        """Whether anything speaks against the target; if so, in a part, the whole does not conform."""
        return bool(self.violations or self.other_conventions or in_the_way(self.accepted))

    @property
    def passes(self) -> bool:
        """Whether the target conforms or, as far as a part of a run can say, may conform."""
        return self.conforms or (self.part is not None and not self.interrupted and not self.objects)

    @property
    def other_conventions(self) -> dict[str, str]:
        """Where it keeps another convention than was demanded: names, and the values that it keeps."""
        return self.demanded.differences(self.conventions)

    @property
    def violations(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.status == "violated")

    @property
    def verified(self) -> tuple[int, int]:
        """How many rules were compared in some pair of dtypes, and how many were to be."""
        rules = {result.property for result in self.results}
        return len({result.property for result in self.results if result.examples}), len(rules)

    @property
    def hollow(self) -> bool:
        """Whether nothing of weight was verified: the output, where rules that show it were chosen; else anything at all.

        Of a part it is not said, as others may have verified it.
        """
        if self.part is not None:
            return False
        showing = [result for result in self.results if result.property in SHOW_Y]
        if showing:
            return not any(result.saw_y for result in showing)
        return not any(result.examples for result in self.results)
