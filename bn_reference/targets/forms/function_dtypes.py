"""The dtypes that a function takes; less those in which it does but what its library does with them."""

from __future__ import annotations

import numpy as np

from bn_reference.arithmetic.precision import PAIRS, Pair, format_of
from bn_reference.cases.case import Case
from bn_reference.targets.forms.function_probe import FAILED, Probe, able

__all__ = ["pairs_of"]

IN_HALF = "half precision is not verified: it rounds to it on its way"
PROMOTED = "not verified in {}: it gives out another dtype than that of the batch"
HALVES = ("float16", "bfloat16")


def pairs_of(probe: Probe, notes: list[str]) -> tuple[str, ...]:
    """The pairs of dtypes that it takes; half precision where it computes in more than that.

    A kernel that takes half precision is made for it, and widens it. A formula in NumPy or torch takes it because the library
    does, and rounds to it at every step: that is what the library does, and nothing that its author was after.
    """
    taken = [pair for pair in PAIRS if _takes(probe, pair)]
    wide = [pair for pair in taken if pair.input not in HALVES]
    if wide and any(_rounds_each_step(probe, pair) for pair in taken if pair not in wide):
        notes.append(IN_HALF)
        taken = wide
    promoting = [pair for pair in taken if _promotes(probe, pair)]
    if promoting and promoting != taken:
        notes.append(PROMOTED.format(", ".join(map(str, promoting))))
        taken = [pair for pair in taken if pair not in promoting]
    return tuple(map(str, taken))


def _promotes(probe: Probe, pair: Pair) -> bool:
    half = probe.of(probe.channels, pair, probe.ndim)
    try:
        return half.y(probe.trains).dtype != pair.input_dtype
    except FAILED:
        return False


def _takes(probe: Probe, pair: Pair) -> bool:
    shapes = probe.manner.shapes
    return any(able(lambda ndim=ndim: probe.of(probe.channels, pair, ndim).run(probe.trains)) for ndim in shapes)  # type: ignore[misc]


def _rounds_each_step(probe: Probe, pair: Pair) -> bool:
    """Whether y is further from what the same numbers give in float32 than rounding it to half precision makes it.

    Not so where a batch norm of torch's own gives y, which keeps its statistics in the parameters' half precision.
    """
    half = probe.of(probe.channels, pair, probe.ndim)
    case = half.case()
    case = case.but(x=np.concatenate([case.x * case.x.dtype.type(k) for k in range(1, 9)]))
    try:
        step = half.run(half.trains, case)[1]
        single = half.y(half.trains, _widened(case)).astype(np.float64)
    except FAILED:
        return False
    if half.manner.arrays.is_of_library(step.tensor):
        return False
    unit = 2.0 * format_of(half.pair.input_dtype).unit_roundoff  # one rounding of y, and as much again for what float32 does
    return bool((np.abs(step.y.astype(np.float64) - single) > unit * np.maximum(np.abs(single), unit)).any())


def _widened(case: Case) -> Case:
    arrays = {name: value for name, value in vars(case).items() if isinstance(value, np.ndarray)}
    return case.but(pair=PAIRS[0], **{name: value.astype(np.float32) for name, value in arrays.items()})
