"""Conventions as a target keeps them, measured: each from a step or two, held against what every value would give.

A value is found where all that was seen lies within its bounds, the values in the order in which they are demanded, torch's
first. Where none does, or nothing could be asked, the demanded one stays, and the rules tell what is wrong.
"""

from __future__ import annotations

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.conventions import Conventions
from bn_reference.targets.protocol import Implementation, Misbehaviour, Unsupported
from bn_reference.verification.measuring.accuracy import is_one_pass
from bn_reference.verification.measuring.averages import averages
from bn_reference.verification.measuring.beginning import initial_variance
from bn_reference.verification.measuring.formats import formats, hyperparameters, subnormals
from bn_reference.verification.measuring.steps import plain_case
from bn_reference.verification.measuring.training import normalizing
from bn_reference.verification.measuring.unusual import empty_batch, single_value

__all__ = ["measured"]

OF_STEPS = (averages, initial_variance, normalizing, single_value, empty_batch)


def measured(implementation: Implementation, demanded: Conventions, *, accuracy: bool) -> Conventions:
    """The conventions that the implementation keeps, as far as they can be told.

    Args:
        implementation: a watched one, which raises nothing but Unsupported and Misbehaviour.
        demanded: those that are tried first.
        accuracy: whether a less stable variance is one of them; it is not found unless it is looked for.
    """
    pairs = [pair for pair in PAIRS if _supports(implementation, pair)]
    if not pairs:
        return demanded
    found = demanded.but(momentum_weights=implementation.momentum_weights)
    less_stable = (_variance,) if accuracy else ()
    for settle in (formats, subnormals, hyperparameters, *less_stable, *OF_STEPS):
        try:
            found = settle(implementation, pairs, found)
        except (Unsupported, Misbehaviour):  # it cannot be asked for that, or goes wrong there: for the rules to tell
            continue
    return found


def _supports(implementation: Implementation, pair: Pair) -> bool:
    try:
        return implementation.domain.takes_pair(pair) and implementation.supports(pair)
    except (Unsupported, Misbehaviour):
        return False


def _variance(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    one_pass = is_one_pass(implementation, plain_case(implementation, pairs[0]), found)
    return found.but(variance="one_pass") if one_pass else found
