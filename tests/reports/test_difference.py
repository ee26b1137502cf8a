"""Two reports are held against each other: what is worse is told first, and decides."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from bn_reference.reports.difference import Difference, UnusableReport, difference, read_report
from bn_reference.reports.difference_text import verdict_of

RULE, PAIR = "one_step_moves_the_running_mean", {"input_dtype": "float32", "parameter_dtype": "float32"}


def report(**given: Any) -> dict[str, Any]:
    """One rule that is kept, but for what is given of its result."""
    result = {"property": RULE, **PAIR, "status": "passed", "worst_ratio": 0.5, "resolution": None, "message": "", **given}
    return {
        "schema": 2,
        "target": "mine:Layer",
        "seed": 0,
        "conforms": result["status"] != "violated",
        "interrupted": False,
        "options": {"examples": 100},
        "environment": {"torch": "2.12"},
        "conventions": {"found": {"running_variance": "unbiased"}, "differences": {}},
        "results": [result],
        "causes": [],
    }


def found(now: dict[str, Any], before: dict[str, Any] | None = None) -> Difference:
    return difference(before or report(), now)


@pytest.mark.parametrize(
    ("before", "now", "worse", "said"),
    [
        ("passed", "violated", True, "something got worse: 1 newly violated, the target conforms no more"),
        ("passed", "unsupported", True, "something got worse: 1 worse otherwise"),
        ("passed", "known deviation", True, "something got worse: 1 worse otherwise"),
        ("violated", "passed", False, "nothing got worse: 1 newly passed, the target conforms now"),
        ("violated", "known deviation", False, "nothing got worse: 1 better otherwise, the target conforms now"),
        ("passed", "passed", False, "no verdict changed"),
        ("violated", "violated", False, "no verdict changed"),
    ],
)
def test_a_verdict_that_changed_is_worse_or_better(before: str, now: str, worse: bool, said: str) -> None:
    changed = found(report(status=now), report(status=before))

    assert (changed.worse, verdict_of(changed)) == (worse, said)


def test_a_rule_that_is_not_tried_any_more_is_worse_and_one_that_is_tried_now_is_not() -> None:
    none = {**report(), "results": []}

    assert found(none).worse
    assert not found(report(), none).worse
    assert verdict_of(found(report(), none)) == "nothing got worse: 1 newly tried"


def test_a_rule_that_is_newly_tried_and_violated_is_worse() -> None:
    assert found(report(status="violated"), {**report(), "results": []}).worse


def test_a_convention_that_is_held_against_the_target_is_worse_and_one_that_is_accepted_is_not() -> None:
    biased = report()
    biased["conventions"] = {"found": {"running_variance": "biased"}, "differences": {"running_variance": "biased"}}
    accepted = copy.deepcopy(biased)
    accepted["conventions"]["differences"] = {}

    assert found(biased).worse
    assert found(biased).conventions == found(accepted).conventions == (("running_variance", "unbiased", "biased"),)
    assert not found(accepted).worse


def test_numbers_that_moved_are_told_by_most_first_and_are_no_verdict() -> None:
    before = report(worst_ratio=0.5, resolution={"median": 1e-6, "worst": 1e-3})
    moved = found(report(worst_ratio=0.6, resolution={"median": 1e-5, "worst": 1e-3}), before)

    assert [(each.what, each.before, each.now) for each in moved.moved] == [("resolution", 1e-6, 1e-5), ("ratio", 0.5, 0.6)]
    assert not moved.worse


@pytest.mark.parametrize(("before", "now"), [(None, 0.5), (0.5, None), (0.5, 0.5)])
def test_what_one_of_them_has_no_number_for_has_not_moved(before: float | None, now: float | None) -> None:
    assert found(report(worst_ratio=now), report(worst_ratio=before)).moved == ()


def test_an_infinite_ratio_is_read_as_it_is_written() -> None:
    [moved] = found(report(worst_ratio="Infinity")).moved

    assert (moved.before, moved.now, moved.factor) == (0.5, float("inf"), float("inf"))


def test_what_else_differs_is_noted() -> None:
    other = {**report(), "seed": 7, "target": "yours:Layer", "environment": {"torch": "2.13"}, "interrupted": True}

    assert found(other).notes == (
        "one is of mine:Layer, the other of yours:Layer",
        "the seeds are 0 and 7, so the cases are others",
        "torch: 2.12 before, 2.13 now",
        "the new run was interrupted",
    )


def test_rules_that_are_broken_for_one_cause_are_one() -> None:
    broken = report(status="violated", message="y is 1")
    broken["results"].append({**broken["results"][0], "property": "other", "message": "y is 2"})
    where = {"properties": [RULE, "other"], "pairs": ["float32/float32"]}
    broken["causes"] = [{"cause": "y is 1", "explanation": "a slip", **where}]

    [cause] = found(broken).causes
    assert (cause.sentence, cause.explanation, len(cause.changes)) == ("y is 1", "a slip", 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1", "is no JSON"),
        (json.dumps({"mutants": []}), "has no schema, but it must be a report of schema 2"),
        (json.dumps({"schema": 1}), "has schema 1, but it must be a report of schema 2"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
def test_what_is_no_report_is_said(content: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(UnusableReport) as unusable:
        read_report(path)
    assert str(unusable.value) == f"the report {path} {said}; give one that bn-reference verify --json FILE wrote"
