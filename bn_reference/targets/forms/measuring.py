"""Constants that a target has inside, found by what it does: eps, and the weight of a new batch in its running statistics."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import numpy.typing as npt

__all__ = ["NEAR", "eps_of", "short_decimal", "weight_of_new"]

Float = npt.NDArray[np.float64]

DIGITS = 2  # that people write
# Relative. Half a unit of the second digit is more than that part of any number (1/198 of 0.99), so that no two decimals of two
# digits are confused. A right target is off by far less in float32: by some 2^-22 of what is seen, and that divided by a weight
# of the new batch, which is not missed down to 0.0001.
NEAR = 2.0**-8


def short_decimal(value: float) -> float | None:
    """The number of one or two digits that lies near; None where none does."""
    if not np.isfinite(value) or value <= 0.0:
        return None
    for digits in range(1, DIGITS + 1):
        rounded = float(f"{Decimal(value):.{digits - 1}e}")
        if abs(rounded - value) <= NEAR * rounded:
            return rounded
    return None


def eps_of(scale_at: Callable[[float], float]) -> float | None:
    """The eps with which ``scale_at(v)``, what an evaluation multiplies by at running variance v, is 1 / sqrt(v + eps).

    An eps that was put outside the root, or added twice, is found as well: the target has one, and what it does with it is for
    the verdict to tell. None where no short decimal explains what is seen.
    """
    bare = scale_at(0.0)
    if not np.isfinite(bare) or bare <= 0.0:
        return None
    for found, model in ((bare**-2, _inside), (1.0 / bare, _outside)):
        eps = short_decimal(found)
        if eps is not None and all(abs(scale_at(v) / model(v, eps) - 1.0) <= NEAR for v in (eps, 16.0 * eps)):
            return eps
    return None


def _inside(variance: float, eps: float) -> float:
    return float(1.0 / np.sqrt(variance + eps))


def _outside(variance: float, eps: float) -> float:
    return float(1.0 / (np.sqrt(variance) + eps))


def weight_of_new(before: Float, after: Float, batch: Float) -> float | None:
    """The factor f with ``after = (1 - f) before + f batch`` in each channel; None where there is none.

    Of another batch statistic than is meant (the other variance) each channel shows a factor of its own.
    """
    with np.errstate(all="ignore"):
        factors = (after - before) / (batch - before)
    factor = float(np.median(factors))
    return factor if np.isfinite(factors).all() and np.ptp(factors) <= NEAR * max(abs(factor), NEAR) else None
