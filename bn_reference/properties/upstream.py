"""Gradients, of upstream gradients that are large, tiny or no numbers: what flows back is neither clipped nor mended."""

from __future__ import annotations

import numpy as np

from bn_reference.cases.case import Array, Case, Seen
from bn_reference.cases.facts import Fact, Kind, Missing
from bn_reference.oracle.compare import Comparison, all_of, fact, unseen, within
from bn_reference.properties import transform
from bn_reference.properties.gradients import grads_within
from bn_reference.properties.registry import Property, family
from bn_reference.properties.transform import taken
from bn_reference.properties.trial import Trial, contiguous
from bn_reference.targets.protocol import Grads

PROPERTIES: list[Property] = []
prop = family("gradients", PROPERTIES, "training")

LARGE, OF_FLOAT16 = 2.0**10, 2.0**4  # which holds little more


@prop(source="calculus: a derivative is linear; IEEE 754: what is made of a NaN is one")
def what_flows_back_is_not_mended(trial: Trial) -> Comparison:
    """A large multiple of dy gives that multiple of each gradient, or a tiny one, next to nothing, that; in every third case, a
    NaN in one channel of dy gives no finite gradient there, and the others their own."""
    case = trial.case.fresh
    way = (case.rows + case.channels) % 3
    if way != 1:
        many = OF_FLOAT16 if case.pair.input == "float16" else LARGE
        factor = many if way == 0 else transform.next_to_nothing(case)
        dy = (case.grad_y.astype(np.float64) * factor).astype(case.grad_y.dtype)
        return grads_within(trial.forward(case).backward(contiguous(dy)), trial.expected(case).going_back_from(dy), case)
    dy, channel = case.grad_y.copy(), case.rows % case.channels
    dy[-1, channel] = np.nan
    return _of_nothing(trial, case, trial.forward(case).backward(contiguous(dy)), channel)


def _of_nothing(trial: Trial, case: Case, grads: Grads, channel: int) -> Comparison:
    expected = trial.expected(case)
    sides = {"grad_x": (grads.x, expected.grad_x)}
    if case.affine:
        sides |= {"grad_weight": (grads.weight, expected.grad_weight), "grad_bias": (grads.bias, expected.grad_bias)}
    here, others = np.array([channel]), np.delete(np.arange(case.channels), channel)
    compared = [_not_finite(what, taken(seen, here), channel) for what, (seen, _) in sides.items()]
    if others.size:
        compared += [
            within(what, taken(seen, others), bounded.columns(others), channels=others)
            for what, (seen, bounded) in sides.items()
        ]
    return all_of(*compared)


def _not_finite(what: str, seen: Seen, channel: int) -> Comparison:
    if not isinstance(seen, np.ndarray):
        return unseen(what, seen or Missing("there is none"))
    numbers: Array = seen.astype(np.float64)
    finite = np.argwhere(np.isfinite(numbers))
    if not len(finite):
        return fact(True, Fact(Kind.NO_VALUE, what))
    index = tuple(finite[0].tolist())
    place = (index[0], channel, *index[2:]) if len(index) > 1 else (channel,)
    return fact(False, Fact(Kind.NO_VALUE, what, (place, float(numbers[index])), "a NaN in that channel of dy"))
