"""What the running variance of a new layer is, as far as a new layer is seen."""

from __future__ import annotations

import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Array
from bn_reference.conventions import Conventions
from bn_reference.targets.protocol import Implementation, had
from bn_reference.verification.measuring.steps import plain_case

__all__ = ["initial_variance"]

BEGUN = {"one": 1, "zero": 0}


def initial_variance(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    """That of a layer as it is constructed, whose mean is zero: else something else is wrong with it, for the rules to tell."""
    case = plain_case(implementation, pairs[0])
    if not case.tracks or found.first_batches != "prior":
        return found
    state = implementation.fresh(case)[2]
    mean, var = had(state.mean), had(state.var)
    if mean is None or var is None or not _is_all(mean, 0):
        return found
    return next((found.but(initial_variance=name) for name, value in BEGUN.items() if _is_all(var, value)), found)


def _is_all(values: Array, value: int) -> bool:
    return bool(np.all(values == value))
