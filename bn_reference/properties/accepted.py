"""Accepted deviations: what the owners of a target know to be broken, and leave so for a reason and for a time.

The counterpart of the known deviations of a library, which the suite itself knows. An acceptance is as strict: it excuses what
was found in its region and nothing else, and where it excuses nothing any more it is in the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bn_reference.cases.case import Case
from bn_reference.cases.facts import Kind, Raised
from bn_reference.cases.region import EVERYWHERE, Region, features_of
from bn_reference.oracle.compare import Comparison

__all__ = ["Acceptance", "can_be_accepted", "found_in"]

NEVER = (Kind.CRASHED, Kind.LOST, Kind.HUNG, Kind.NOT_TRIED)  # after which the rest of a run is another one


@dataclass(frozen=True, eq=False)
class Acceptance:
    """One entry of a file of accepted deviations.

    Attributes:
        file, number: where it stands; the first is 1.
        target, device: whose it is.
        rules, pairs: the names of rules, and of pairs of dtypes, in which it shows.
        reason: why it is accepted.
        region: the cases in which it shows.
        found: what shows, as ``found_in`` names it; (): whatever breaks the rule.
        link: where it is followed up; may be empty.
        past: why it is accepted no longer, a clause; empty while it is.
        witnesses: by pair, cases in the region that show it.
    """

    file: str
    number: int
    target: str
    device: str
    rules: tuple[str, ...]
    pairs: tuple[str, ...]
    reason: str
    region: Region = EVERYWHERE
    found: tuple[str, ...] = ()
    link: str = ""
    past: str = ""
    witnesses: dict[str, tuple[Case, ...]] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> str:
        """Its file and number, as people are told."""
        return f"entry {self.number} of {self.file}"

    def concerns(self, rule: str, pair: str) -> bool:
        """Whether a rule may meet it in a pair of dtypes."""
        return not self.past and rule in self.rules and pair in self.pairs

    def excuses(self, case: Case, broken: Comparison) -> bool:
        """Whether what was found in a case is what is accepted there."""
        said = not self.found or found_in(broken) in self.found
        return said and can_be_accepted(broken) and self.region.has(features_of(case))


def found_in(broken: Comparison) -> str:
    """What shows where a rule is broken: a quantity whose number is wrong, "grad_x", or a fact, "forward: raised KeyError"."""
    fact = broken.fact
    if fact is None:
        return broken.what
    raised = f" {fact.found.type}" if isinstance(fact.found, Raised) else ""
    return f"{fact.what}: {fact.kind.value}{raised}"


def can_be_accepted(broken: Comparison) -> bool:
    """Whether a run can go on after it as if nothing had been."""
    return broken.fact is None or broken.fact.kind not in NEVER
