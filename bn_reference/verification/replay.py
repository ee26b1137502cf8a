"""One cause of a JSON report, run again: its rule, alone, on its very case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bn_reference.cases.case import Case
from bn_reference.cases.reading import UnreadableCase, case_read, recipe_read
from bn_reference.conventions import TORCH, Conventions
from bn_reference.reports.difference import UnusableReport, read_report
from bn_reference.reports.results import Cause, Result
from bn_reference.verification import arguments, workers
from bn_reference.verification.arguments import UnusableArguments
from bn_reference.verification.causes import causes_of
from bn_reference.verification.demand import AUTO, Demand, Description, demand_of
from bn_reference.verification.proof import proved
from bn_reference.verification.selection import Budget, Unit, select_pairs, select_properties

__all__ = ["Replayable", "Replayed", "replay", "replayable"]


@dataclass(frozen=True, eq=False)
class Replayable:
    """What a report has of a cause.

    Attributes:
        name: of the report, and the number of the cause.
        target, device: whose cause it is.
        unit: the rule that shows it best, and the pair of dtypes in which it does.
        budget: the case, and how it was judged.
    """

    name: str
    target: str
    device: str
    unit: Unit
    budget: Budget


@dataclass(frozen=True, eq=False)
class Replayed:
    """What came of it.

    Attributes:
        result: the verdict on the rule, by this case.
        cause: the entry, where it still fails.
    """

    result: Result
    cause: Cause | None


def replayable(path: Path, number: int) -> Replayable:
    """Cause ``number`` of a report, the first of which is 1.

    Raises:
        UnusableReport: the file is no report, or has no such cause, or that has no case.
        UnusableArguments: the report says something that this version does not know.
    """
    report = read_report(path)
    causes, name = report["causes"], f"{path}#{number}"
    if not 1 <= number <= len(causes):
        there = f"has {len(causes)} {'cause' if len(causes) == 1 else 'causes'}"
        advice = f"give one from 1 to {len(causes)}" if causes else "there is nothing to run again"
        raise UnusableReport(f"the report {path} {there}, and {number} is none of them; {advice}")
    cause, options = causes[number - 1], report["options"]
    if cause["case"] is None:
        raise UnusableReport(
            f"{name} has no case that could be run again ({cause['cause']}); give the number of a cause that has one"
        )
    case, demand = _case(name, cause), options.get("conventions", TORCH.to_json())
    budget = Budget(
        timeout=arguments.timeout(options.get("timeout", Budget.timeout)),
        demand=_demand(demand),
        pairs=(case.pair,),
        imports=tuple(options.get("imports", ())),
        case=case,
    )
    [rule] = select_properties(cause["properties"][:1])
    [pair] = select_pairs(cause["pairs"][:1])
    return Replayable(name, report["target"], options.get("device", "cpu"), Unit((rule,), pair), budget)


def replay(chosen: Replayable) -> Replayed:
    """Run it again, in a process of its own.

    Raises:
        UnusableTarget: the target cannot be loaded.
    """
    results: list[Result] = []
    described: list[Description] = []
    target, device, budget = chosen.target, chosen.device, chosen.budget
    workers.run(target, device, [chosen.unit], budget, False, 1, lambda event: None, results, described)
    causes = proved(causes_of(results), jobs=1, timeout=budget.timeout)
    return Replayed(results[0], causes[0] if causes else None)


def _case(name: str, cause: dict[str, Any]) -> Case:
    try:
        case = case_read(cause["case"])
        recipe = cause.get("recipe")
        return case if recipe is None else case.but(recipe=recipe_read(recipe))
    except UnreadableCase as unreadable:
        rule = "it must be one that this version of bn-reference writes"
        raise UnusableReport(f"the case of {name} {unreadable}, but {rule}; verify the target anew") from None


def _demand(asked: Any) -> Demand:
    """What the run held the target to; where that was torch's, the target may declare others."""
    if asked == AUTO:
        return demand_of(AUTO)
    try:
        conventions = Conventions(**asked)
    except (TypeError, ValueError) as error:
        raise UnusableArguments(f"the conventions of the report are {asked!r}, which are none ({error})") from None
    return Demand() if conventions == TORCH else demand_of(conventions)
