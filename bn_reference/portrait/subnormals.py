"""Whether subnormal numbers are kept."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from bn_reference.portrait.asking import Asked
from bn_reference.portrait.computes import FLUSHED, KEPT

__all__ = ["subnormals_of"]

NEAR = 2.0**-6


def subnormals_of(asked: Asked) -> str | None:
    """An evaluation of multiples of the smallest number, as they are: KEPT, or FLUSHED where all are zero.

    The deviation is one, weight and bias are one and zero, the mean is zero. The next larger numbers, which are normal, have
    to come out in either case: what loses them as well does not lose subnormal numbers for what they are.

    Raises:
        Unsupported, Misbehaviour: it could not be asked.
    """
    info, width = ml_dtypes.finfo(asked.pair.input_dtype), asked.setting.channels
    smallest, normal = float(info.smallest_subnormal), float(info.tiny)
    below = np.random.default_rng(0).integers(1, int(normal / smallest), (8, width)) * smallest
    x = np.concatenate([below, 2.0 * normal + below])
    exact = {"running_mean": np.zeros(width), "weight": np.ones(width), "bias": np.zeros(width)}
    variance = np.full(width, 1.0 - asked.eps)
    y = asked.output(x.astype(asked.pair.input_dtype), training=False, running_var=variance, **exact).astype(np.float64)
    # the deviation may be a little off one, where one less eps is none of the parameters' numbers
    near = (np.abs(y - x) <= smallest + NEAR * x) & (y != 0.0)
    if not near[8:].all():
        return None
    return KEPT if near.all() else None if y[:8].any() else FLUSHED
