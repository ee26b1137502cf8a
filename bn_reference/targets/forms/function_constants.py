"""The constants of a function, which are no arguments of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bn_reference.cases.case import Array
from bn_reference.targets.forms.function_probe import FAILED, QUARTER, Probe
from bn_reference.targets.forms.measuring import NEAR, eps_of, short_decimal, weight_of_new

__all__ = ["constants_of"]

LEAST = 2.0**-60  # a variance beside which any eps that somebody writes is all there is; no batch shows one of zero

# Weights of the new batch whose complement is exact: 1 - (1 - f) = f, so that a target may be handed either.
EXACT = (1.0 - 0.9, 0.5, 0.25, 0.125, 0.875, 1.0, 0.0)


def constants_of(probe: Probe) -> dict[str, Any] | str:
    """eps and momentum as the domain has them, and which value its momentum weights; a clause where one is not found."""
    arguments = probe.manner.arguments
    found: dict[str, Any] = {}
    if "eps" not in arguments and "table" not in arguments:
        found["eps"] = eps_of(lambda v: _scale(probe, v))
        if found["eps"] is None:
            return "its eps is no argument, and is not seen in what it computes"
    if not probe.tracks or not probe.trains or probe.manner.statistics == "nowhere":
        return found
    measured = _weight(probe)
    if "momentum" in arguments or "table" in arguments:
        old = _weights_old(probe, measured)
        return {**found, "weights": "old", "momentum": EXACT} if old else found
    fixed = None if measured is None else short_decimal(measured)
    if fixed is None:
        return "its momentum is no argument, and is not seen in what it computes"
    return {**found, "momentum": (fixed,)}


def _weights_old(probe: Probe, measured: float | None) -> bool:
    """Whether its momentum weights the old value: as measured, else as its default and its name say."""
    for old, weight in ((False, QUARTER), (True, 1.0 - QUARTER)):  # a half apart
        if measured is not None and abs(measured - weight) < NEAR:
            return old
    default = probe.manner.arguments.default("momentum")
    if isinstance(default, float):
        return default > 0.5
    return "table" in probe.manner.arguments or probe.manner.arguments.roles["momentum"].lower() in ("decay", "rho")


def _weight(probe: Probe) -> float | None:
    """The weight of the new batch in the running mean, else in the running variance."""
    case = probe.case()
    try:
        state = probe.run(True, case)[0].state()
    except FAILED:
        return None
    x = np.moveaxis(case.x.astype(np.float64), 1, 0).reshape(case.channels, -1)
    candidates = [(case.running_mean, state.mean, x.mean(1)), (case.running_var, state.var, x.var(1))]
    candidates.append((case.running_var, state.var, x.var(1, ddof=1)))
    for before, after, batch in candidates:
        if isinstance(after, np.ndarray) and before is not None and after.shape == before.shape:
            weight = weight_of_new(before.astype(np.float64), after.astype(np.float64), batch)
            if weight is not None:
                return weight
    return None


def _scale(probe: Probe, variance: float) -> float:
    """What an input is multiplied by where the variance is that, in eval if it evaluates, else in training."""
    case = probe.case()
    dtype = case.pair.parameter_dtype.type
    vectors: dict[str, Array | None] = {}
    if case.weight is not None:
        ones = np.ones(case.channels, dtype)
        vectors |= {"weight": ones, "bias": ones - 1}
    evaluates = probe.tracks and probe.manner.told != "trains"
    signs = np.where(np.arange(len(case.x)) % 2 == 0, 1, -1).reshape(-1, *(1,) * (case.x.ndim - 1))
    x = np.broadcast_to(signs, case.x.shape).astype(case.x.dtype)
    if evaluates:
        zeros = np.zeros(case.channels, dtype)
        vectors |= {"running_mean": zeros, "running_var": zeros + dtype(variance)}
        return float(abs(probe.y(False, case.but(x=x, **vectors))[0].ravel()[0]))
    size = x.dtype.type(max(variance, LEAST) ** 0.5)
    return float(abs(probe.y(True, case.but(x=x * size, **vectors))[0].ravel()[0]) / size)
