"""What is asked of a verification, made of its arguments: cases and how many, conventions, what is accepted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bn_reference.verification.accepted import accepted_of, read_accepted
from bn_reference.verification.arguments import UnusableArguments
from bn_reference.verification.selection import Budget

__all__ = ["accepting", "recording_of", "said_of_recording", "with_plan"]


def with_plan(frozen: str, budget: Budget) -> Budget:
    """The budget with the plan of a file, and what that was made of; the same where there is to be none."""
    if not frozen:
        return budget
    from bn_reference.verification.planned import planned

    if budget.minutes is not None:
        raise UnusableArguments(
            "a plan freezes a number of cases, and with minutes nobody knows how many it will be; give one of them"
        )
    if budget.recording:
        raise UnusableArguments(
            "a plan freezes drawn cases, and cases are to be recorded ones, which are frozen; give one of them"
        )
    try:
        plan = planned(Path(frozen), budget.seed, budget.examples, budget.pairs)
    except OSError as error:
        raise UnusableArguments(f"plan is {frozen}, which cannot be written ({error.strerror}); choose another place") from None
    absent = [str(pair) for pair in budget.pairs if pair not in plan.pairs]
    if absent:
        raise UnusableArguments(
            f"the plan {frozen} has no cases in {', '.join(absent)}; choose from {', '.join(map(str, plan.pairs))}"
        )
    return replace(budget, plan=plan, seed=plan.seed, examples=plan.examples)


def recording_of(cases: str, recording: str) -> str:
    """The path of the recording that is asked for by either name; empty for drawn cases."""
    if cases == "drawn":
        return recording
    if cases == "mnist":
        rule = "use bn-reference verify --cases mnist, or record its batches and give the file"
        raise UnusableArguments(f"cases is 'mnist', which only the command line can make; {rule}")
    if recording:
        raise UnusableArguments(f"cases is {cases!r} and recording is {recording!r}, which are one argument; give one of them")
    return cases


def said_of_recording(path: str) -> str:
    """What a recording has."""
    from bn_reference.cases.recording import read_recording

    recorded = read_recording(path)
    return f"{len(recorded.batches)} batches, {recorded.title}"


def accepting(file: str, target: str, device: str, budget: Budget) -> Budget:
    """The budget with the deviations of the target on the device that a file accepts; the same where no file is named."""
    return replace(budget, accepted=accepted_of(read_accepted(file), target, device)) if file else budget
