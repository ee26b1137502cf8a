"""What the report of a part says beyond any report, so that a merge can make its results of it again: JSON's own values alone.

How it is read back is for ``part_read``; a report may come from anywhere, so nothing in it is ever run.
"""

from __future__ import annotations

import math
from typing import Any

from bn_reference.cases.case import Case
from bn_reference.cases.facts import Fact, Raised
from bn_reference.cases.large import LargeRecipe
from bn_reference.cases.recipe import Recipe
from bn_reference.oracle.compare import Comparison
from bn_reference.oracle.elements import Elements
from bn_reference.reports.accepted import Standing
from bn_reference.reports.part import Part, Ran, key_of
from bn_reference.reports.results import Result, Violation
from bn_reference.reports.verdict import Verdict

__all__ = ["part_json", "recipe_code"]


def part_json(report: Verdict, part: Part) -> dict[str, Any]:
    """The part, and what is not in the other results, in their order, and in the other accepted deviations, in theirs."""
    return {
        "part": part.number,
        "of": part.of,
        "described": part.described,
        "system": part.system,
        "files": dict(part.files),
        "results": [_result(result, part.ran) for result in report.results],
        "accepted": [_accepted(standing) for standing in report.accepted],
    }


def recipe_code(case: Case | None) -> str | None:
    """What a case was made of, where a rule may look at that, and it stands for itself."""
    recipe = None if case is None else case.recipe
    return repr(recipe) if isinstance(recipe, Recipe | LargeRecipe) else None


def _result(result: Result, ran: Ran) -> dict[str, Any]:
    violation = result.violation
    return {
        "saw_y": result.saw_y,
        "accepted": {str(number): examples for number, examples in result.accepted.items()},
        "violation": None if violation is None else _violation(violation, ran),
    }


def _violation(violation: Violation, ran: Ran) -> dict[str, Any]:
    case, key = violation.case, key_of(violation)
    return {
        "message": violation.message,
        "found": _comparison(violation.found),
        "first": None if violation.first is None else _comparison(violation.first),
        "case": None if case is None else repr(case),
        "recipe": recipe_code(case),
        "explanation": violation.diagnosis,
        "reproducer": violation.reproducer,
        "ran": key in ran,
        "reproducer_fails": ran.get(key),
    }


def _comparison(found: Comparison) -> dict[str, Any]:
    return {
        "what": found.what,
        "aspect": found.aspect.name,
        "ratio": _real_or_none(found.ratio),
        "powerless": found.powerless,
        "resolution": _real_or_none(found.resolution),
        "index": None if found.index is None else [int(axis) for axis in found.index],
        "numbers": [_real(number) for number in (found.actual, found.expected, found.error, found.bound)],
        "elements": None if found.elements is None else _elements(found.elements),
        "fact": None if found.fact is None else _fact(found.fact),
    }


def _elements(elements: Elements) -> dict[str, Any]:
    shown = [
        {
            "index": [int(axis) for axis in each.index],
            "numbers": [_real(number) for number in (each.actual, each.expected, each.error, each.bound)],
            "holds": each.holds,
        }
        for each in elements.shown
    ]
    return {"compared": elements.compared, "broken": elements.broken, "shown": shown}


def _fact(fact: Fact) -> dict[str, Any]:
    return {"kind": fact.kind.value, "what": fact.what, "found": _value(fact.found), "wanted": _value(fact.wanted)}


def _value(value: Any) -> Any:
    """What a fact holds: numbers, texts, tuples of such, an exception; anything else as it is said."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"real": _real(value)}
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, tuple | list):
        return [_value(each) for each in value]
    if isinstance(value, Raised):
        return {"type": value.type, "text": value.text, "file": value.file, "line": value.line}
    return str(value)


def _accepted(standing: Standing) -> dict[str, Any]:
    of = standing.acceptance
    return {"target": of.target, "device": of.device, "found": list(of.found), "past": of.past}


def _real(number: float) -> Any:
    """JSON has no infinity and no NaN, so they are strings."""
    if math.isfinite(number):
        return float(number)
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _real_or_none(number: float | None) -> Any:
    return None if number is None else _real(number)
