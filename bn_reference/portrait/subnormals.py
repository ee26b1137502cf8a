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

    The deviation is one, weight and bias are one and zero, the mean is zero.

    Raises:
        Unsupported, Misbehaviour: it could not be asked.
    """
    info, width = ml_dtypes.finfo(asked.pair.input_dtype), asked.setting.channels
    smallest, most = float(info.smallest_subnormal), int(float(info.tiny) / float(info.smallest_subnormal))
    x = np.random.default_rng(0).integers(1, most, (8, width)) * smallest
    exact = {"running_mean": np.zeros(width), "weight": np.ones(width), "bias": np.zeros(width)}
    variance = np.full(width, 1.0 - asked.eps)
    y = asked.output(x.astype(asked.pair.input_dtype), training=False, running_var=variance, **exact).astype(np.float64)
    if not y.any():
        return FLUSHED
    # the deviation may be a little off one, where one less eps is none of the parameters' numbers
    return KEPT if y.all() and (np.abs(y - x) <= smallest + NEAR * x).all() else None
