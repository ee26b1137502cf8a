"""How a target averages its running statistics, seen in training steps on batches of several sizes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Array, Case, State
from bn_reference.conventions import Conventions
from bn_reference.oracle.step import expect_inference, expect_training
from bn_reference.targets.protocol import Implementation, Session, Unsupported, had
from bn_reference.verification.measuring.steps import first_kept, is_near, output_of, plain_case

__all__ = ["are_averaged_so", "averages"]

BATCHES = (6, 4, 9)  # rows of the batches that a layer is trained on: n / (n - 1) is another in each


def averages(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    """Training steps on batches of several sizes, each judged from the statistics that were seen before it."""
    case = plain_case(implementation, pairs[0])
    if not case.tracks:
        return found
    session, before, steps = _trained(implementation, case.but(batches=0))
    found = first_kept(
        found,
        ["first_batches", "running_variance"],
        lambda kept: all(_followed(now, state, kept) for now, state in steps),
        without=("debiased_in_eval",),
    )
    if found.first_batches != "prior":
        return found
    last = before.but(batches=len(steps))
    try:
        y = output_of(session, last, training=False)
    except Unsupported:  # what training showed stays found
        return found
    return first_kept(
        found,
        ["first_batches"],
        lambda kept: is_near("y", y, expect_inference(last.kept_by(kept)).y),
        without=("copied", "debiased"),
    )


def are_averaged_so(implementation: Implementation, case: Case, found: Conventions) -> bool:
    """Whether the statistics move as these conventions have them move.

    Raises:
        Unsupported, Misbehaviour: they could not be seen.
    """
    return all(_followed(now, state, found) for now, state in _trained(implementation, case.but(batches=0))[2])


def _trained(implementation: Implementation, case: Case) -> tuple[Session, Case, list[tuple[Case, State]]]:
    """A session after a few steps, the case that it is in then, and each step's own with the state that it left."""
    session, before = implementation.open(case), case
    steps: list[tuple[Case, State]] = []
    for size, batch in zip(BATCHES, _batches(case), strict=True):
        now = before.but(x=batch, grad_y=batch, batches=len(steps))
        output_of(session, now, training=True)
        state = session.state()
        steps.append((now, state))
        before = now.but(running_mean=had(state.mean), running_var=had(state.var))
        assert size == len(batch)
    return session, before, steps


def _batches(case: Case) -> Iterator[Array]:
    rng = np.random.default_rng(0)
    for size in BATCHES:
        shape = (size, *case.x.shape[1:])
        yield (rng.standard_normal(shape) + rng.uniform(-2.0, 2.0, shape[1:])).astype(case.x.dtype)


def _followed(case: Case, state: State, kept: Conventions) -> bool:
    expected = expect_training(case.kept_by(kept)).state
    mean, var = had(state.mean), had(state.var)
    return is_near("running_mean", mean, expected.mean) and is_near("running_var", var, expected.var)
