"""In which formats a target keeps its numbers: outputs, running statistics, hyperparameters, and subnormal numbers."""

from __future__ import annotations

import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.conventions import VALUES, Conventions
from bn_reference.oracle.step import expect_inference, expect_training
from bn_reference.targets.protocol import Implementation, had
from bn_reference.verification.generic import subnormal
from bn_reference.verification.measuring.steps import first_kept, is_near, output_of, plain_case

__all__ = ["formats", "hyperparameters", "subnormals"]


def formats(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    """dtypes of outputs and of running statistics, which say it themselves; they must say the same in every pair."""
    outputs, statistics = set(VALUES["output"]), set(VALUES["statistics"])
    for pair in pairs:
        session = implementation.open(case := plain_case(implementation, pair))
        y = output_of(session, case, training=True).dtype.name
        outputs &= {value for value in outputs if _output(value, pair) == y}
        if case.tracks:
            kept = had(session.state().var)
            statistics &= {value for value in statistics if kept is not None and _statistics(value, pair) == kept.dtype.name}
    changes = {}
    for name, left in (("output", outputs), ("statistics", statistics)):
        if left and getattr(found, name) not in left:
            changes[name] = next(value for value in VALUES[name] if value in left)
    return found.but(**changes)


def _output(value: str, pair: Pair) -> str:
    return pair.input if value == "input" or pair.input == pair.parameters else pair.parameters


def _statistics(value: str, pair: Pair) -> str:
    return {"parameters": pair.parameters, "float32": "float32", "input": pair.input}[value]


def subnormals(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    """An evaluation of subnormal numbers, with nothing added to them: flushed where zero comes out, and the truth is none."""
    case = implementation.domain.nearest(subnormal(plain_case(implementation, pairs[0])))
    y = output_of(implementation.open(case), case, training=not case.tracks)
    expect = expect_inference if case.tracks else expect_training
    if is_near("y", y, expect(case.kept_by(found)).y) or np.any(y):
        return found
    flushed = found.but(subnormals="flushed")
    return flushed if is_near("y", y, expect(case.kept_by(flushed)).y) else found


def hyperparameters(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    """eps, and momentum, where float32 has too few digits to hold them: an evaluation with a variance of zero, and a step."""
    wide = [pair for pair in pairs if pair.input == "float64"]
    if not wide:
        return found
    case = plain_case(implementation, wide[0])
    if not case.tracks:
        return found
    assert case.running_var is not None
    nothing = case.but(running_var=np.zeros_like(case.running_var))
    session = implementation.open(case)
    y = output_of(implementation.open(nothing), nothing, training=False)
    output_of(session, case, training=True)
    mean = had(session.state().mean)

    def holds(kept: Conventions) -> bool:
        step = expect_training(case.kept_by(kept)).state
        return is_near("y", y, expect_inference(nothing.kept_by(kept)).y) and (mean is None or is_near("mean", mean, step.mean))

    return first_kept(found, ["hyperparameters"], holds)
