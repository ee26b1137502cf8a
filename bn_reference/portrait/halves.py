"""Where halves are rounded: once, at the end of what is computed in a wider format, or after each step."""

from __future__ import annotations

import numpy as np

from bn_reference.arithmetic.running_error import leading
from bn_reference.oracle.step import expect_inference
from bn_reference.portrait.affine import ways
from bn_reference.portrait.asking import Asked
from bn_reference.portrait.computes import EACH_STEP, ONCE
from bn_reference.portrait.numbers import same
from bn_reference.portrait.output import SEEDS, drawn, evaluation

__all__ = ["rounding_of"]


def rounding_of(asked: Asked) -> str | None:
    """Of random evaluations: ONCE where each output is the exact one, moved by what float32 may err, and rounded once.

    What is rounded in between gives others on the same numbers, in each of the ways that are known; EACH_STEP where the outputs
    are, to the bit, those of one of these.

    Raises:
        Unsupported, Misbehaviour: it could not be asked.
    """
    once, stepwise = True, [way for way in ways("float32", asked.pair.input) if way.each_step]
    for seed in SEEDS:
        given = drawn(np.random.default_rng(seed), asked)
        y = evaluation(asked, given)
        if y.dtype != given.x.dtype:
            return None
        vectors = {"running_mean": given.mean, "running_var": given.var, "weight": given.weight, "bias": given.bias}
        case = asked.case(given.x, **vectors)
        expected = expect_inference(case.under(parameters="float32", outputs="float32")).y
        exact, error = leading(expected.value), expected.bound
        with np.errstate(all="ignore"):
            low, high = ((exact + side * error).astype(y.dtype).astype(np.float64) for side in (-1.0, 1.0))
            wide = y.astype(np.float64)
            once = once and bool(((low <= wide) & (wide <= high)).all())
            rivals = [way for way in stepwise if any(same(output(given), y) for output in way.outputs)]
            unlike = all(
                not ((low <= rival) & (rival <= high)).all()
                for rival in (way.outputs[0](given).astype(np.float64) for way in stepwise)
            )
        stepwise = rivals if not once else stepwise
        if once and not unlike:
            return None
    if once:
        return ONCE
    return EACH_STEP if stepwise else None
