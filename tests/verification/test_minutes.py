"""A time budget: spread evenly over rules and pairs, kept to, and what was reached is said."""

import time
from itertools import islice

import pytest
import torch

from bn_reference import verify
from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.strategies import cases
from bn_reference.properties import PROPERTIES
from bn_reference.verification import schedule
from bn_reference.verification.draw import growing_rounds
from bn_reference.verification.schedule import Clock, Schedule
from bn_reference.verification.selection import Unit, UnusableArguments, units

RULES = ["running"]


class Doubles(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


UNITS = units(PROPERTIES, PAIRS)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A time that goes on where a test says so."""
    now = [0.0]
    monkeypatch.setattr(schedule, "monotonic", lambda: now[0])
    return now


def test_each_rule_gets_the_same_part_of_the_time_whatever_it_is_tried_with(clock: list[float]) -> None:
    planned, waiting = Schedule(2.0, 1), list(UNITS)
    given: list[tuple[Unit, float]] = []
    while waiting:
        unit = waiting.pop(0)
        seconds = planned.slice(unit, waiting)
        assert seconds is not None
        given.append((unit, seconds))
        clock[0] += seconds

    rules = sum(len(unit.properties) for unit in UNITS)
    assert [seconds / len(unit.properties) for unit, seconds in given] == pytest.approx([120 / rules] * len(UNITS))
    assert clock[0] == pytest.approx(120)


def test_what_one_does_not_use_is_left_to_the_others(clock: list[float]) -> None:
    planned = Schedule(1.0, 1)
    first, second = UNITS[:2]
    alone = planned.slice(first, [second])
    clock[0] += 1.0  # it was broken at once

    assert alone is not None
    assert alone < 59.0
    assert planned.slice(second, []) == pytest.approx(59.0)


def test_several_workers_have_as_much_time_each_and_none_beyond_the_end(clock: list[float]) -> None:
    planned = Schedule(1.0, 2)
    first, second = UNITS[0], UNITS[0]
    one = planned.slice(first, [second])
    other = planned.slice(second, [], [one or 0.0])

    assert (one, other) == (60.0, 60.0)
    clock[0] = 70.0
    assert planned.slice(first, []) == 0.0


def test_without_minutes_there_is_no_end(clock: list[float]) -> None:
    endless = Clock()
    clock[0] += 1e9

    assert Schedule(None, 1).slice(UNITS[0], []) is None
    assert (endless.runs, endless.searched(), endless.over()) == (False, False, False)


def test_large_cases_have_a_part_of_the_time(clock: list[float]) -> None:
    running = Clock(10.0)
    clock[0] = 5.0
    running.begin()
    clock[0] = 13.0

    assert (running.searched(), running.over()) == (True, False)
    clock[0] = 15.0
    assert running.over()


def test_rounds_grow_and_are_other_ones_each_time() -> None:
    found = list(islice(growing_rounds(cases(PAIRS[0]), "key"), 6))

    assert [count for _, _, count in found] == [10, 20, 40, 80, 100, 100]
    assert len({key for _, key, _ in found}) == 6


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_ends_in_time_and_every_rule_was_tried(jobs: int) -> None:
    started = time.monotonic()
    report = verify(
        "bn_reference:BatchNorm1d", dtypes=["float32", "float64"], properties=RULES, minutes=0.1, jobs=jobs, timeout=5
    )
    tried = [result.examples for result in report.results if result.status == "passed"]

    assert report.conforms
    assert all(result.examples or result.refused for result in report.results)
    assert time.monotonic() - started < 60  # of which it is told six seconds; processes are started, and a machine may be busy
    assert (report.options["minutes"], report.options["examples"]) == (0.1, None)
    said = f"in 0.1 minutes the rules had {min(tried):,} to {max(tried):,} examples in each pair of dtypes, "
    assert said in " ".join(str(report).split())


def test_twice_the_time_is_more_examples() -> None:
    def tried(minutes: float) -> int:
        report = verify("bn_reference:BatchNorm1d", dtypes=["float32"], properties=RULES, minutes=minutes)
        return sum(result.examples for result in report.results)

    assert tried(0.1) > tried(0.005)


def test_however_little_time_there_is_a_fault_is_found_and_made_small() -> None:
    report = verify(Doubles, dtypes=["float32"], properties=["output_is_the_normalized_batch"], minutes=0.001, timeout=5)

    [cause] = report.causes
    assert cause.violation.case is not None
    assert cause.violation.case.x.size <= 8


@pytest.mark.parametrize("value", [0, -1, "5", True, float("nan"), 1e9])
def test_a_time_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(UnusableArguments, match=r"^minutes is .*, but must be a number between 0.001 and 16,666; pass 5, for"):
        verify(minutes=value)  # type: ignore[arg-type]


def test_a_plan_has_a_number_of_cases(tmp_path: object) -> None:
    with pytest.raises(UnusableArguments, match=r"^a plan freezes a number of cases, and with minutes nobody knows how many"):
        verify(minutes=1, plan=f"{tmp_path}/plan.json")
