"""What a target normalizes a batch with in training, seen in one step from statistics unlike the batch's."""

from __future__ import annotations

from bn_reference.arithmetic.precision import Pair
from bn_reference.conventions import Conventions
from bn_reference.oracle.step import expect_training
from bn_reference.targets.protocol import Implementation, Unsupported
from bn_reference.verification.measuring.averages import are_averaged_so
from bn_reference.verification.measuring.steps import first_kept, is_near, output_of, plain_case

__all__ = ["normalizing"]


def normalizing(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    """A training step after another batch, as the first one may be copied, which leaves nothing to tell apart.

    Where running statistics normalize it, y shows how they are averaged, too: who shows statistics that are averaged otherwise
    than any convention has them normalizes with something else.
    """
    case = plain_case(implementation, pairs[0])
    if not case.tracks:
        return found
    names = ["training"]
    try:
        if not are_averaged_so(implementation, case, found):
            return found
    except Unsupported:
        names += ["first_batches", "running_variance"]
    case = case.but(batches=1)
    y = output_of(implementation.open(case), case, training=True)
    return first_kept(
        found,
        names,
        lambda kept: is_near("y", y, expect_training(case.kept_by(kept)).y),
        without=("debiased_in_eval",),
    )
