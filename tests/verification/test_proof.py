"""Proof: which script stands for a cause, and what is said of it."""

import threading
from typing import Any

import pytest

from bn_reference.cases.facts import Fact, Kind
from bn_reference.oracle.compare import Comparison, fact
from bn_reference.properties import PROPERTIES
from bn_reference.reports.results import Cause, Result, Violation
from bn_reference.verification.proof import CAUSES, proved

NUMBERS = Comparison("y", False, ratio=10.0, index=(0, 0), actual=2.0, expected=1.0, error=1.0, bound=0.1)


def broken(name: str, script: str, found: Comparison = NUMBERS) -> Result:
    violation = Violation("it is broken", found, reproducer=script)
    return Result(name, "normalization", "float32", "float32", "cpu", "violated", violation=violation)


def cause(*scripts: str) -> Cause:
    """A cause whose members have these scripts."""
    members = tuple(broken(p.name, script) for p, script in zip(PROPERTIES, scripts, strict=False))
    return Cause(members[0], members)


def told(outcomes: dict[str, bool | None], ran: list[str]) -> Any:
    """Runs nothing: says of each script what it is to have done."""

    def fails(script: str, timeout: float, kind: Kind | None) -> bool | None:
        ran.append(script)
        return outcomes[script]

    return fails


@pytest.mark.parametrize(
    ("scripts", "outcomes", "ran", "shown", "failed"),
    [
        (("a", "b"), {"a": True}, ["a"], "a", True),
        (("a", "b", "c", "d"), {"a": False, "b": None, "c": True}, ["a", "b", "c"], "c", True),
        (("a", "b", "c", "d"), {"a": False, "b": False, "c": None}, ["a", "b", "c"], "a", False),
        (("a",), {"a": None}, ["a"], "a", None),
        (("", "b", "c", "d"), {"b": False, "c": True}, ["b", "c"], "c", True),
        (("", "b", "c", "d"), {"b": False, "c": False}, ["b", "c"], "b", False),
        (("", ""), {}, [], "", None),
    ],
)
def test_the_script_that_fails_stands_for_its_cause(
    scripts: tuple[str, ...], outcomes: dict[str, bool | None], ran: list[str], shown: str, failed: bool | None
) -> None:
    tried: list[str] = []

    (found,) = proved([cause(*scripts)], jobs=2, timeout=1.0, fails=told(outcomes, tried))

    assert (tried, found.reproducer, found.reproducer_fails) == (ran, shown, failed)


def test_a_few_causes_are_proved_and_all_are_kept_in_order() -> None:
    causes = [cause(str(number)) for number in range(CAUSES + 2)]
    tried: list[str] = []

    found = proved(causes, jobs=3, timeout=1.0, fails=told({str(n): True for n in range(CAUSES)}, tried))

    assert [c.reproducer for c in found] == [str(number) for number in range(CAUSES + 2)]
    assert [c.reproducer_fails for c in found] == [True] * CAUSES + [None] * 2


def test_scripts_are_run_side_by_side_and_know_what_they_are_to_show() -> None:
    both = threading.Barrier(2, timeout=20)
    kinds = []

    def fails(script: str, timeout: float, kind: Kind | None) -> bool:
        both.wait()
        kinds.append(kind)
        return True

    crash = broken(PROPERTIES[0].name, "b", fact(False, Fact(Kind.CRASHED, "an example", "SIGSEGV")))
    proved([cause("a"), Cause(crash, (crash,))], jobs=2, timeout=1.0, fails=fails)

    assert sorted(map(str, kinds)) == ["Kind.CRASHED", "None"]


def test_an_interruption_is_let_through() -> None:
    def fails(script: str, timeout: float, kind: Kind | None) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        proved([cause("a")], jobs=1, timeout=1.0, fails=fails)
