"""What a page says, read from a report's JSON object."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bn_reference.cases.case import Case
from bn_reference.cases.reading import UnreadableCase, case_read
from bn_reference.conventions import Conventions
from bn_reference.reports.result_read import real, result_read
from bn_reference.reports.results import Result

__all__ = ["Content", "Entry", "Number", "UnreadableReport", "content_of"]


Kind = Literal["violation", "convention", "accepted no more"]


class UnreadableReport(ValueError):
    """A report that lacks something, or has something else there; which, as a clause."""


@dataclass(frozen=True)
class Number:
    """One element of what was compared; ``x`` is what stands there in the case's x, None where the rule does not say."""

    element: str
    x: float | None
    actual: float
    expected: float
    error: float
    bound: float
    holds: bool


@dataclass(frozen=True, eq=False)
class Entry:
    """One entry of what speaks against the target.

    Attributes:
        kind: whether rules are violated, or another convention is kept, or an accepted deviation is accepted no more.
        number: its place in the report, the first is 1.
        found, explanation: what was found; the known slip that explains it, or what to do.
        rules, pairs: what it breaks, and in which pairs of dtypes; the first of each is the root's.
        numbers: elements of the comparison on the smallest case, all of them or the worst; none where nothing is measured.
        compared, broken: how many there were, and how many of them were beyond their bounds.
        case: the smallest case; None where there is none, or none that this version can read.
        code: what rebuilds the case; empty where there is none.
        script: a standalone script; empty where there is none.
        script_fails: what it did when it was run; None where it was not run.
    """

    kind: Kind
    number: int
    found: str
    explanation: str
    rules: tuple[str, ...]
    pairs: tuple[str, ...]
    numbers: tuple[Number, ...]
    compared: int
    broken: int
    case: Case | None
    code: str
    script: str
    script_fails: bool | None


@dataclass(frozen=True, eq=False)
class Content:
    """A report, as far as a page shows it; the words are those of ``Verdict``.

    Attributes:
        sentence: the verdict.
        undecided: it is that of a part of a run, in which nothing speaks against the target, or of one that was interrupted.
        accepted: the accepted deviations, as JSON has them.
    """

    target: str
    sentence: str
    conforms: bool
    interrupted: bool
    undecided: bool
    environment: Mapping[str, str]
    options: Mapping[str, Any]
    seed: int
    seconds: float
    results: tuple[Result, ...]
    causes: tuple[Entry, ...]
    demanded: Conventions
    kept: Conventions
    capabilities: Mapping[str, Any]
    notes: tuple[str, ...]
    accepted: tuple[Mapping[str, Any], ...]


def content_of(report: Mapping[str, Any]) -> Content:
    """What a report of schema 2 says.

    Raises:
        UnreadableReport: it is none, or has something that this version does not know.
    """
    try:
        return _content(report)
    except KeyError as missing:
        raise UnreadableReport(f"has no {missing.args[0]!r} where it must have one") from None
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise UnreadableReport(f"has something in it that no report has ({' '.join(str(error).split())})") from None


def _content(report: Mapping[str, Any]) -> Content:
    conforms, interrupted, target = bool(report["conforms"]), bool(report["interrupted"]), str(report["target"])
    demanded, kept = (Conventions(**report["conventions"][whose]) for whose in ("demanded", "found"))
    accepted = tuple(report.get("accepted", ()))
    kinds: list[Kind] = ["convention"] if demanded.differences(kept) else []  # such entries come first
    kinds += ["accepted no more"] * sum(not each["stands"] for each in accepted)
    kinds += ["violation"] * (len(report["causes"]) - len(kinds))
    verdict = "was not verified to the end" if interrupted else "conforms" if conforms else "does not conform"
    return Content(
        target=target,
        sentence=report.get("sentence", f"{target} {verdict}"),
        conforms=conforms,
        interrupted=interrupted,
        undecided=interrupted or ("shard" in report and not report["causes"]),
        environment=dict(report["environment"]),
        options=dict(report["options"]),
        seed=int(report["seed"]),
        seconds=float(report["seconds"]),
        results=tuple(map(result_read, report["results"])),
        causes=tuple(map(_entry, kinds, itertools.count(1), report["causes"])),
        demanded=demanded,
        kept=kept,
        capabilities=dict(report["capabilities"]),
        notes=tuple(map(str, report["notes"])),
        accepted=accepted,
    )


def _entry(kind: Kind, number: int, said: Mapping[str, Any]) -> Entry:
    elements = said.get("elements") or {"compared": 0, "broken": 0, "shown": ()}
    code = said["case"] or ""
    return Entry(
        kind=kind,
        number=number,
        found=str(said["cause"]),
        explanation=str(said["explanation"]),
        rules=tuple(map(str, said["properties"])),
        pairs=tuple(map(str, said["pairs"])),
        numbers=tuple(map(_number, elements["shown"])),
        compared=int(elements["compared"]),
        broken=int(elements["broken"]),
        case=_case(code) if code else None,
        code=code,
        script=str(said["reproducer"]),
        script_fails=said["reproducer_fails"],
    )


def _number(said: Mapping[str, Any]) -> Number:
    numbers = {name: float(said[name]) for name in ("actual", "expected", "error", "bound")}
    return Number(element=str(said["element"]), x=real(said["x"]), holds=bool(said["holds"]), **numbers)


def _case(code: str) -> Case | None:
    try:
        return case_read(code)
    except UnreadableCase:  # of another version: its code is shown as it is
        return None
