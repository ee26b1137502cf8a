"""What ``verify`` makes of the verdicts that come: causes, proved. The verdicts are made by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bn_reference.cases.facts import Kind
from bn_reference.oracle.compare import Comparison
from bn_reference.reports.report import Report
from bn_reference.reports.results import Result, Violation
from bn_reference.verification import api, proof
from bn_reference.verification.selection import UnusableArguments

RULES = {"output_is_the_normalized_batch": "y", "one_step_moves_the_running_mean": "running_mean"}
Ran = list[str]


def broken(name: str) -> Result:
    found = Comparison(RULES[name], False, ratio=10.0, index=(0,), actual=2.0, expected=1.0, error=1.0, bound=0.1)
    violation = Violation("it is broken", found, reproducer=f"script of {name}")
    return Result(name, "normalization", "float32", "float32", "cpu", "violated", examples=1, violation=violation)


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Lets ``verify`` find these results, and then perhaps be interrupted; gives what scripts were run."""

    def find(*names: str, interrupted: bool = False, in_proof: bool = False) -> Ran:
        ran: Ran = []

        def judge(*arguments: Any) -> None:
            arguments[-2].extend(map(broken, names))  # results, and then capabilities
            if interrupted:
                raise KeyboardInterrupt

        def fails(script: str, timeout: float, kind: Kind | None) -> bool:
            if in_proof:
                raise KeyboardInterrupt
            ran.append(script)
            return True

        monkeypatch.setattr(api, "_in_this_process", judge)
        monkeypatch.setattr(proof, "_in_a_process", lambda: fails)
        return ran

    return find


@pytest.mark.parametrize("fail_fast", [False, True])
def test_each_cause_is_proved(verdicts: Callable[..., Ran], fail_fast: bool) -> None:
    ran = verdicts(*RULES)

    report = api.verify("some:where", fail_fast=fail_fast)

    assert isinstance(report, Report)
    assert [(cause.root.property, cause.reproducer_fails) for cause in report.causes] == [(name, True) for name in RULES]
    assert sorted(ran) == sorted(f"script of {name}" for name in RULES)


def test_after_an_interruption_the_causes_are_told_and_no_script_is_run(verdicts: Callable[..., Ran]) -> None:
    ran = verdicts(*RULES, interrupted=True)

    report = api.verify("some:where")

    assert (report.interrupted, len(report.causes), ran) == (True, 2, [])


def test_an_interrupted_proof_leaves_the_causes(verdicts: Callable[..., Ran]) -> None:
    verdicts(*RULES, in_proof=True)

    report = api.verify("some:where")

    assert report.interrupted
    assert [cause.reproducer_fails for cause in report.causes] == [None, None]


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The recordings that were asked for."""
    asked: list[str] = []

    def read(*arguments: Any) -> None:
        asked.append(arguments[4].recording)

    monkeypatch.setattr(api, "_in_this_process", read)
    return asked


def test_cases_are_drawn_or_a_recording(recording: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Read:
        batches, title = (), "of a test"

    monkeypatch.setattr("bn_reference.cases.recording.read_recording", lambda path: Read)

    api.verify("some:where")
    api.verify("some:where", cases="drawn")
    api.verify("some:where", cases=Path("some.npz"))
    api.verify("some:where", recording="other.npz")

    assert recording == ["", "", "some.npz", "other.npz"]


def test_what_was_asked_for_is_kept(recording: list[str]) -> None:
    report = api.verify("some:where", dtypes=iter(["float32"]), properties=iter(["running"]), examples=7)

    asked = {"dtypes": ("float32",), "properties": ("running",), "examples": 7, "cases": "drawn"}
    assert {name: report.options[name] for name in asked} == asked
    assert api.verify("some:where").options["dtypes"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"cases": "mnist"}, "cases is 'mnist', which only the command line can make; use bn-reference verify --cases mnist"),
        ({"cases": "a.npz", "recording": "b.npz"}, "cases is 'a.npz' and recording is 'b.npz', which are one argument"),
    ],
)
def test_cases_that_cannot_be_had_are_refused_in_a_sentence(arguments: dict[str, str], said: str) -> None:
    with pytest.raises(UnusableArguments) as refused:
        api.verify("some:where", **arguments)

    assert str(refused.value).startswith(said)
