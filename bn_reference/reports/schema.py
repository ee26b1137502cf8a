"""The report as the contract's JSON object, schema 2; ``schema2.json`` beside this file says what it holds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from typing import Any

from bn_reference.cases.case import Case
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison
from bn_reference.properties import ALL
from bn_reference.reports.accepted import Standing, in_the_way, say_advice, say_in_the_way
from bn_reference.reports.lawful import RULES, accepting, facts_of, say_keepers
from bn_reference.reports.part_json import part_json, recipe_code
from bn_reference.reports.regions import say_region
from bn_reference.reports.results import Cause, Result, pair_of
from bn_reference.reports.sentences import element, say_fact
from bn_reference.reports.text import in_one_line
from bn_reference.reports.verdict import Verdict

__all__ = ["SCHEMA", "schema", "to_json"]

SCHEMA = 2
NOTHING = dict.fromkeys(("element", "actual", "expected", "error", "bound", "elements", "case", "recipe", "reproducer_fails"))
DIRECT = frozenset(property.name for property in ALL if property.direct)
LIKE_X = ("y", "grad_x")  # quantities that have a number for each of x
IMPLIED_BY = {property.name: list(property.implied_by) for property in ALL}


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) that every report keeps."""
    text = resources.files("bn_reference.reports").joinpath(f"schema{SCHEMA}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def to_json(report: Verdict) -> dict[str, Any]:
    """Plain values alone; JSON has no infinity and no NaN, so they are strings."""
    verified, of = report.verified
    return {
        "schema": SCHEMA,
        "target": report.target,
        "sentence": in_one_line(report),
        "conforms": report.conforms,
        "interrupted": report.interrupted,
        "environment": report.environment,
        "options": _plain(report.options),
        "conventions": {
            "demanded": report.demanded.to_json(),
            "found": report.conventions.to_json(),
            "differences": report.other_conventions,
        },
        "capabilities": _plain(report.capabilities),
        "notes": list(report.notes),
        "seed": report.seed,
        "seconds": report.seconds,
        "rules": {"verified": verified, "of": of},
        "results": [_result(result) for result in report.results],
        "accepted": [_standing(standing) for standing in report.accepted],
        "causes": [*_conventions(report), *_in_the_way(report), *(_cause(cause) for cause in report.causes)],
        **({} if report.part is None else {"shard": part_json(report, report.part)}),
    }


def _conventions(report: Verdict) -> list[dict[str, Any]]:
    """The entry of a target that keeps other conventions than those demanded: what it breaks is kept by its own."""
    facts = facts_of(report.demanded, report.conventions)
    if not facts:
        return []
    kept_by = ", ".join(dict.fromkeys(said for fact in facts if (said := say_keepers(fact))))
    lawful = f"a lawful convention ({kept_by}); " if kept_by else ""
    entry = {
        "cause": "; ".join(map(say_fact, facts)),
        "explanation": f"{lawful}--convention {accepting(report.conventions)} accepts it",
        "properties": list(dict.fromkeys(RULES[fact.what] for fact in facts)),
        "pairs": list(dict.fromkeys(pair_of(result) for result in report.results)),
        "reproducer": "",
    }
    return [{**entry, **NOTHING}]


def _in_the_way(report: Verdict) -> list[dict[str, Any]]:
    """An entry for each deviation that is accepted no more."""
    entries = []
    for standing in in_the_way(report.accepted):
        of = standing.acceptance
        rules, pairs = (tuple(dict.fromkeys(each[at] for each in standing.gone)) for at in (0, 1))
        said = {"cause": say_in_the_way(standing), "explanation": say_advice(standing), "reproducer": ""}
        entries.append({**said, "properties": list(rules or of.rules), "pairs": list(pairs or of.pairs), **NOTHING})
    return entries


def _standing(standing: Standing) -> dict[str, Any]:
    of = standing.acceptance
    return {
        "file": of.file,
        "entry": of.number,
        "properties": list(of.rules),
        "pairs": list(of.pairs),
        "region": say_region(of.region),
        "where": of.region.to_plain(),
        "reason": of.reason,
        "link": of.link,
        "stands": standing.stands,
        "examples": standing.examples,
        "said": "" if standing.stands else say_in_the_way(standing),
    }


def _result(result: Result) -> dict[str, Any]:
    resolution = result.resolution
    return {
        "property": result.property,
        "family": result.family,
        "implied_by": IMPLIED_BY.get(result.property, []),
        "input_dtype": result.input_dtype,
        "parameter_dtype": result.parameter_dtype,
        "device": result.device,
        "status": result.status,
        "examples": result.examples,
        "refused": {"examples": sum(result.refused.values()), "reasons": dict(result.refused)},
        "accepted": sum(result.accepted.values()),
        "lived": {"settled": result.lived[0], "unsettled": result.lived[1]},
        "worst_ratio": _plain(result.worst_ratio),
        "without_power": result.without_power,
        "resolution": None if resolution is None else _plain({"median": resolution[0], "worst": resolution[1]}),
        "resolution_by_rows": _plain(result.resolution_by_rows),
        "ratio_by_rows": _plain(result.ratio_by_rows),
        "largest": {"rows": result.largest[0], "channels": result.largest[1]},
        "seconds": result.seconds,
        "deviations": list(result.deviations),
        "gone": list(result.gone),
        "message": result.message,
        "reproducer": result.violation.reproducer if result.violation else "",
    }


def _cause(cause: Cause) -> dict[str, Any]:
    violation = cause.violation
    found = violation.found
    measured = found.fact is None and found.index is not None
    return {
        "cause": violation.message,
        "explanation": violation.diagnosis,
        "properties": list(cause.properties),
        "pairs": list(cause.pairs),
        "element": element(found) if measured else None,
        "actual": _plain(found.actual) if measured else None,
        "expected": _plain(found.expected) if measured else None,
        "error": _plain(found.error) if measured else None,
        "bound": _plain(found.bound) if measured else None,
        "elements": _elements(found, violation.case, cause.root.property) if measured else None,
        "case": None if violation.case is None else repr(violation.case),
        "recipe": recipe_code(violation.case),
        "reproducer": cause.reproducer,
        "reproducer_fails": cause.reproducer_fails,
    }


def _elements(found: Comparison, case: Case | None, rule: str) -> dict[str, Any] | None:
    """What was compared, element by element, with the x that stands there where the rule looks at the case's own step."""
    if found.elements is None:
        return None
    shown = found.elements.shown
    of_x = rule in DIRECT and found.aspect is Aspect.VALUE and found.what in LIKE_X
    x = case.x if case is not None and of_x and all(len(each.index) == case.x.ndim for each in shown) else None
    listed = [
        {
            "element": element(replace(found, index=each.index)),
            "x": None if x is None else _plain(float(x[each.index])),
            "actual": _plain(each.actual),
            "expected": _plain(each.expected),
            "error": _plain(each.error),
            "bound": _plain(each.bound),
            "holds": each.holds,
        }
        for each in shown
    ]
    return {"compared": found.elements.compared, "broken": found.elements.broken, "shown": listed}


def _plain(value: Any) -> Any:
    """The value in JSON's own types."""
    if isinstance(value, float):
        return (
            float(value) if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        )
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    return str(value)
