"""How accepted deviations stand after a run: met, or in the way; and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bn_reference.properties.accepted import Acceptance
from bn_reference.reports.regions import say_region
from bn_reference.reports.results import Result

__all__ = ["Standing", "in_the_way", "say_accepted", "say_advice", "say_in_the_way"]

FEW = 3  # rules that are named


@dataclass(frozen=True, eq=False)
class Standing:
    """How one accepted deviation stands.

    Attributes:
        acceptance: the entry.
        met: the results that rest on it.
        gone: rules and pairs of the entry that were tried, and did not break as it says.
    """

    acceptance: Acceptance
    met: tuple[Result, ...] = ()
    gone: tuple[tuple[str, str], ...] = ()

    @property
    def examples(self) -> int:
        """How many broke a rule as it says."""
        return sum(result.accepted[self.acceptance.number] for result in self.met)

    @property
    def stands(self) -> bool:
        """Whether it is as strict as it must be: it is not of the past, and nothing of it is gone."""
        return not self.acceptance.past and not self.gone


def in_the_way(standings: Sequence[Standing]) -> list[Standing]:
    """Those that are accepted no more."""
    return [standing for standing in standings if not standing.stands]


def say_accepted(acceptance: Acceptance) -> str:
    """Reason, link and region."""
    link = f" ({acceptance.link})" if acceptance.link else ""
    return f"{acceptance.reason}{link}; {acceptance.place}, of {say_region(acceptance.region)}"


def say_in_the_way(standing: Standing) -> str:
    """Why an entry is accepted no more, in one sentence."""
    of = standing.acceptance
    if of.past:
        return f"{of.place} excuses nothing any more: {of.past} ({_some(of.rules)})"
    rules, pairs = (tuple(dict.fromkeys(each[at] for each in standing.gone)) for at in (0, 1))
    return f"{of.place} excuses what no longer fails: {_some(rules)} in {', '.join(pairs)}"


def say_advice(standing: Standing) -> str:
    """What to do about it."""
    if standing.acceptance.past:
        return "mend the target and remove the entry, or let it be accepted for longer"
    every = len(standing.gone) == len(standing.acceptance.rules) * len(standing.acceptance.pairs)
    return "remove the entry" if every else "leave them out of the entry"


def _some(rules: Sequence[str]) -> str:
    return ", ".join(_named(rules))


def _named(rules: Sequence[str]) -> Iterator[str]:
    yield from (rule.replace("_", " ") for rule in rules[:FEW])
    if rules[FEW:]:
        yield f"and {len(rules) - FEW} more"
