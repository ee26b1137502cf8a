"""Two JSON reports held against each other: of two versions, machines or implementations, or of before and after a change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Change", "NewCause", "Difference", "Moved", "UnusableReport", "difference", "read_report"]

SCHEMA = 2
# How much is known against a target, from the least; a rule that nobody asked about comes after one that was kept.
RANK = {"passed": 0, "": 1, "unsupported": 2, "known deviation": 3, "accepted": 4, "violated": 5}
OF_THE_RUN = ("examples", "minutes", "cases", "device", "plan")  # options on which numbers depend


class UnusableReport(Exception):
    """The file is no report; one sentence says why and what to do."""


@dataclass(frozen=True)
class Change:
    """A rule in a pair of dtypes whose verdict is another one; its status is empty where it was not tried.

    Attributes:
        message: what the new report says of it.
    """

    rule: str
    pair: str
    before: str
    now: str
    message: str = ""

    @property
    def worse(self) -> bool:
        """Whether less is known for the target than before."""
        return RANK[self.now] > RANK[self.before]

    @property
    def better(self) -> bool:
        """Whether more is known for it; a rule that was not tried before is neither."""
        return bool(self.before) and RANK[self.now] < RANK[self.before]


@dataclass(frozen=True)
class NewCause:
    """A cause of rules that are newly violated.

    Attributes:
        sentence: what was found.
        explanation: the known slip that explains it; empty where none does.
        changes: the rules, in their pairs.
    """

    sentence: str
    explanation: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Moved:
    """A number of a rule that is kept before and now: its largest error / bound ("ratio"), or its median bound / size."""

    rule: str
    pair: str
    what: str
    before: float
    now: float

    @property
    def factor(self) -> float:
        """By how much, in either direction; infinite from or to nothing."""
        low, high = sorted((self.before, self.now))
        return high / low if low else float("inf")


@dataclass(frozen=True)
class Difference:
    """What is otherwise in the new report.

    Attributes:
        changes: of verdicts.
        causes: of those rules among them that are newly violated, the deepest first.
        moved: of numbers, by most first.
        conventions: those that the target keeps otherwise: name, value before, value now.
        contrary: of these, those that the new report holds against the target and the old one did not.
        conformed, conforms: whether the target did, and does.
        notes: why numbers may differ that say nothing of the target, a sentence each.
    """

    changes: tuple[Change, ...]
    causes: tuple[NewCause, ...]
    moved: tuple[Moved, ...]
    conventions: tuple[tuple[str, str, str], ...]
    contrary: tuple[str, ...]
    conformed: bool
    conforms: bool
    notes: tuple[str, ...]

    @property
    def worse(self) -> bool:
        """Whether something got worse: a verdict, or a convention; ratios that moved are no verdict."""
        lost = self.conformed and not self.conforms
        return lost or bool(self.contrary) or any(change.worse for change in self.changes)


def read_report(path: Path) -> dict[str, Any]:
    """What ``bn-reference verify --json`` wrote.

    Raises:
        UnusableReport: it cannot be read, or is something else.
    """
    advice = "give one that bn-reference verify --json FILE wrote"
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableReport(f"the report {path} cannot be read ({error.strerror}); {advice}") from None
    except ValueError:
        raise UnusableReport(f"the report {path} is no JSON; {advice}") from None
    found = read.get("schema") if isinstance(read, dict) else None
    if found != SCHEMA or "results" not in read:
        said = f"has schema {found!r}" if found is not None else "has no schema"
        raise UnusableReport(f"the report {path} {said}, but it must be a report of schema {SCHEMA}; {advice}")
    return read


def difference(old: dict[str, Any], new: dict[str, Any]) -> Difference:
    """What is otherwise in the new one of two reports of schema 2."""
    before, now = _by_rule(old), _by_rule(new)
    changes, moved = [], []
    for key in dict.fromkeys([*now, *before]):
        was, is_now = before.get(key, {}), now.get(key, {})
        statuses = was.get("status", ""), is_now.get("status", "")
        if statuses[0] != statuses[1]:
            changes.append(Change(*key, *statuses, is_now.get("message", "")))
        elif statuses[1] != "violated":
            moved += [Moved(*key, what, a, b) for what, a, b in _numbers(was, is_now) if a != b]
    found, kept = old["conventions"]["found"], new["conventions"]["found"]
    otherwise = tuple((name, found.get(name, ""), value) for name, value in kept.items() if found.get(name) != value)
    contrary = new["conventions"]["differences"].keys() - old["conventions"]["differences"].keys()
    return Difference(
        changes=tuple(changes),
        causes=tuple(_causes(new, [change for change in changes if change.now == "violated"])),
        moved=tuple(sorted(moved, key=lambda each: -each.factor)),
        conventions=otherwise,
        contrary=tuple(sorted(contrary)),
        conformed=old["conforms"],
        conforms=new["conforms"],
        notes=tuple(_notes(old, new)),
    )


def _causes(new: dict[str, Any], broken: list[Change]) -> Iterator[NewCause]:
    """The causes of what is newly broken; a rule that the report has no cause for stands alone."""
    left = list(broken)
    for cause in new["causes"]:
        members = [change for change in left if change.rule in cause["properties"] and change.pair in cause["pairs"]]
        if members:
            yield NewCause(cause["cause"], cause["explanation"], tuple(members))
            left = [change for change in left if change not in members]
    yield from (NewCause(change.message, "", (change,)) for change in left)


def _by_rule(report: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (result["property"], f"{result['input_dtype']}/{result['parameter_dtype']}"): result for result in report["results"]
    }


def _numbers(was: dict[str, Any], is_now: dict[str, Any]) -> list[tuple[str, float, float]]:
    """What both have a number for."""
    a, b = ((result["resolution"] or {"median": None})["median"] for result in (was, is_now))
    named = (("ratio", was["worst_ratio"], is_now["worst_ratio"]), ("resolution", a, b))
    return [(what, float(one), float(other)) for what, one, other in named if one is not None and other is not None]


def _notes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    notes = [f"one is of {old['target']}, the other of {new['target']}"] if old["target"] != new["target"] else []
    if old["seed"] != new["seed"]:
        notes.append(f"the seeds are {old['seed']} and {new['seed']}, so the cases are others")
    for name in OF_THE_RUN:
        was, is_now = (report["options"].get(name) for report in (old, new))
        if was != is_now:
            notes.append(f"{name}: {was} before, {is_now} now")
    packages = dict.fromkeys([*old["environment"], *new["environment"]])
    for package in packages:
        was, is_now = (report["environment"].get(package, "none") for report in (old, new))
        if was != is_now:
            notes.append(f"{package}: {was} before, {is_now} now")
    parts = [(which, run["shard"]) for which, run in (("old", old), ("new", new)) if "shard" in run]
    notes += [f"the {which} report is part {shard['part']} of {shard['of']} of a run" for which, shard in parts]
    return notes + [f"the {which} run was interrupted" for which, run in (("old", old), ("new", new)) if run["interrupted"]]
