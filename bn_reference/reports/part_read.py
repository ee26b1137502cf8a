"""The results of a part, made again of its report: what ``part_json`` wrote, and what every report has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bn_reference.cases.case import Case
from bn_reference.cases.facts import Fact, Kind, Raised
from bn_reference.cases.reading import case_read, recipe_read
from bn_reference.cases.region import region_read
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison
from bn_reference.oracle.elements import Element, Elements
from bn_reference.properties.accepted import Acceptance
from bn_reference.reports.part import Part, key_of
from bn_reference.reports.result_read import real
from bn_reference.reports.results import Result, Violation

__all__ = ["accepted_read", "part_read", "results_read"]


def part_read(report: Mapping[str, Any], results: tuple[Result, ...]) -> Part:
    """What the report is a part of, with what its scripts did.

    Args:
        report: JSON.
        results: those that were read of it.
    """
    said = report["shard"]
    kept = [each["violation"] for each in said["results"]]
    ran = {
        key_of(result.violation): each["reproducer_fails"]
        for result, each in zip(results, kept, strict=True)
        if result.violation is not None and each["ran"]
    }
    return Part(said["part"], said["of"], said["described"], said["system"], said["files"], ran)


def results_read(report: Mapping[str, Any], told: tuple[Result, ...]) -> tuple[Result, ...]:
    """The results as they were, but for what a survey has, and a case's recipe that does not stand for itself.

    Args:
        report: JSON.
        told: the results as far as every report has them.
    """
    return tuple(_result(*each) for each in zip(told, report["shard"]["results"], strict=True))


def accepted_read(report: Mapping[str, Any]) -> tuple[Acceptance, ...]:
    """The accepted deviations, without their witnesses."""
    return tuple(_acceptance(*each) for each in zip(report["accepted"], report["shard"]["accepted"], strict=True))


def _acceptance(said: Mapping[str, Any], more: Mapping[str, Any]) -> Acceptance:
    return Acceptance(
        file=said["file"],
        number=said["entry"],
        target=more["target"],
        device=more["device"],
        rules=tuple(said["properties"]),
        pairs=tuple(said["pairs"]),
        reason=said["reason"],
        region=region_read(said["where"]),
        found=tuple(more["found"]),
        link=said["link"],
        past=more["past"],
    )


def _result(told: Result, said: Mapping[str, Any]) -> Result:
    kept = said["violation"]
    if (told.status == "violated") != (kept is not None):
        raise ValueError(f"{told.property} is {told.status}, which goes with {'a' if kept else 'no'} violation")
    return replace(
        told,
        saw_y=said["saw_y"],
        accepted={int(number): examples for number, examples in said["accepted"].items()},
        violation=None if kept is None else _violation(kept),
    )


def _violation(said: Mapping[str, Any]) -> Violation:
    return Violation(
        message=said["message"],
        found=_comparison(said["found"]),
        case=None if said["case"] is None else _case(said["case"], said["recipe"]),
        first=None if said["first"] is None else _comparison(said["first"]),
        diagnosis=said["explanation"],
        reproducer=said["reproducer"],
    )


def _case(code: str, recipe: str | None) -> Case:
    case = case_read(code)
    return case if recipe is None else case.but(recipe=recipe_read(recipe))


def _comparison(said: Mapping[str, Any]) -> Comparison:
    """One that does not hold, as no other is kept."""
    actual, expected, error, bound = map(float, said["numbers"])
    return Comparison(
        what=said["what"],
        holds=False,
        aspect=Aspect[said["aspect"]],
        ratio=real(said["ratio"]),
        powerless=said["powerless"],
        resolution=real(said["resolution"]),
        index=None if said["index"] is None else tuple(said["index"]),
        actual=actual,
        expected=expected,
        error=error,
        bound=bound,
        elements=None if said["elements"] is None else _elements(said["elements"]),
        fact=None if said["fact"] is None else _fact(said["fact"]),
    )


def _elements(said: Mapping[str, Any]) -> Elements:
    return Elements(said["compared"], said["broken"], tuple(map(_element, said["shown"])))


def _element(said: Mapping[str, Any]) -> Element:
    actual, expected, error, bound = map(float, said["numbers"])
    return Element(tuple(said["index"]), actual, expected, error, bound, said["holds"])


def _fact(said: Mapping[str, Any]) -> Fact:
    return Fact(Kind(said["kind"]), said["what"], _value(said["found"]), _value(said["wanted"]))


def _value(said: Any) -> Any:
    if isinstance(said, list):
        return tuple(map(_value, said))
    if isinstance(said, Mapping):
        return float(said["real"]) if "real" in said else Raised(said["type"], said["text"], said["file"], said["line"])
    return said
