"""eps and the weight of the new batch, where no argument sets them: read from an attribute, or seen in what the layer does."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import format_of
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import place
from bn_reference.targets.forms.discovery import Undiscovered
from bn_reference.targets.forms.names import EPS, MOMENTUM, named
from bn_reference.targets.forms.plan import Plan, method_of
from bn_reference.targets.forms.probing import probe_case
from bn_reference.targets.forms.session import FormSession
from bn_reference.targets.forms.slots import slot_named

__all__ = ["LAWFUL", "fixed_eps", "momentum_of", "short"]

MOST_DIGITS = 3  # of a number that somebody wrote
# A guess that is so near to what is seen is meant; it tells options apart, and judges nothing. What a right layer shows is
# off by 2^-18 at most, in float32, so that none is missed; the options are further apart, or the nearer one is taken.
CLOSE = 2.0**-6
LAWFUL = (1.0 - 0.9, 0.5, 0.125, 0.875, 1.0, 0.0, 0.25)  # weights f of the new batch for which 1 - (1 - f) is f exactly
OTHER_MOMENTUM = 0.25
LEAST = 2.0**-60  # a variance beside which any eps that somebody writes is all there is


def short(number: float, within: float) -> float | None:
    """The decimal of fewest digits, if they are few, within a distance of the number."""
    for digits in range(1, MOST_DIGITS + 1) if math.isfinite(number) else ():
        decimal = float(f"{number:.{digits}g}")
        if abs(decimal - number) <= within:
            return decimal
    return None


def fixed_eps(plan: Plan, layer: Any, case: Case) -> float:
    """The eps of a layer whose constructor takes none.

    Raises:
        Undiscovered: it is not to be found.
    """
    read = _read(layer, EPS)
    if read is None:
        read = _default(layer, EPS)
    if read is not None:
        return read
    seen = _seen_eps(plan, case)
    seen = _left_eps(plan, case) if seen is None else seen
    if seen is None:
        raise Undiscovered("its eps is found neither as an argument, nor as an attribute, nor in what it computes")
    return seen


def _read(layer: Any, aliases: tuple[str, ...]) -> float | None:
    slot = slot_named(layer, aliases)
    return None if slot is None else float(slot.read(layer))


def _default(layer: Any, aliases: tuple[str, ...]) -> float | None:
    """The default of an argument of the call."""
    try:
        parameters = inspect.signature(method_of(layer)).parameters
    except (TypeError, ValueError):
        return None
    name = named(parameters, aliases)
    value = parameters[name].default if name is not None else None
    return float(value) if isinstance(value, float) else None


def _seen_eps(plan: Plan, case: Case) -> float | None:
    """By a batch of two values d apart from their mean, y = d / sqrt(d^2 + eps), with d so small that eps is most of it.

    What is made for inference alone is given that variance. The largest d is taken that leaves eps its digits, among powers
    of two, as eps is not known before.
    """
    ones = np.ones(case.channels, case.pair.parameter_dtype)
    unit = format_of(case.pair.input_dtype).unit_roundoff
    signs = np.resize([1.0, -1.0], case.x.shape[0]).reshape((-1,) + (1,) * (case.x.ndim - 1))
    found: list[float] = []
    for power in range(-4, -22, -2):
        d = 2.0**power
        x = (np.broadcast_to(signs, case.x.shape) * d).astype(case.pair.input_dtype)
        frozen = {} if plan.trains else {"running_mean": ones - ones, "running_var": ones * ones.dtype.type(d * d)}
        given = case.but(x=x, weight=ones, bias=ones - ones, **frozen)
        try:
            session = FormSession(plan, plan.build(given), given, True, True)
            y = session.run(place(x, "contiguous"), training=plan.trains).y.astype(np.float64)
        except Exception:  # whatever a target raises: what is not seen here, no verdict needs
            return None
        size = float(np.abs(y).max())
        if 0.0 < size < 1.0:
            eps = d * d * (1.0 / size**2 - 1.0)
            # Relative: four units in y (of eps, the sum, the root and the quotient) are 8 / (1 - y^2) of them in eps. It
            # shrinks sixteenfold from one d to the next, so that at most two of those below CLOSE reach a neighbour of three
            # digits, which is a thousandth away or more: the vote of the others decides.
            error = 8.0 * unit / (1.0 - size * size)
            number = short(eps, error * eps)
            if number is not None and error < CLOSE:
                found.append(number)
    return max(set(found), key=found.count) if found else None


def _left_eps(plan: Plan, case: Case) -> float | None:
    """By an evaluation with a running variance of zero, y = 1 / sqrt(eps); 0 where what never trains has none at all."""
    nothing = _evaluated(plan, case, 0.0)
    if nothing is not None and 1.0 < nothing < np.inf:
        return short(1.0 / nothing**2, CLOSE / nothing**2)
    of_least = None if plan.trains or nothing is None else _evaluated(plan, case, LEAST)
    return 0.0 if of_least is not None and abs(of_least * math.sqrt(LEAST) - 1.0) < CLOSE else None


def _evaluated(plan: Plan, case: Case, variance: float) -> float | None:
    """What an evaluation makes of ones, with a mean of zero and such a variance; None where it fails."""
    ones = np.ones(case.channels, case.pair.parameter_dtype)
    x, zeros = np.ones_like(case.x), ones - ones
    given = case.but(x=x, weight=ones, bias=zeros, running_mean=zeros, running_var=zeros + ones.dtype.type(variance))
    try:
        with np.errstate(all="ignore"):
            session = FormSession(plan, plan.build(given), given, True, True)
            y = session.run(place(x, "contiguous"), training=False).y
            return float(np.abs(y.astype(np.float64)).max())
    except Exception:  # as above
        return None


def momentum_of(plan: Plan, layer: Any, case: Case) -> tuple[Plan, tuple[float | None, ...]]:
    """The plan with which value the momentum weights, and the weights of the new batch that the layer has; (): any.

    Raises:
        Undiscovered: it has one that is not to be found.
    """
    if not plan.trains:
        return plan, ()
    if plan.constructor.takes("momentum"):
        f = _median(plan, case.but(momentum=OTHER_MOMENTUM))
        if f is not None and abs(f - (1.0 - OTHER_MOMENTUM)) <= CLOSE:
            return replace(plan, momentum_weights="old"), LAWFUL
        return plan, ()
    if _is_none(layer):
        return plan, (None,)
    f, read = _median(plan, case), _read(layer, MOMENTUM)
    if read is None:
        read = _default(layer, MOMENTUM)
    if read is not None:
        if f is not None and abs(f - (1.0 - read)) < min(abs(f - read), CLOSE):
            return replace(plan, momentum_weights="old"), (1.0 - read,)
        return plan, (read,)
    if f is None:
        return plan, ()
    if f == 0.0:  # nothing moves: torch's own default is asked for
        return plan, (0.1,)
    number = _short_weight(f, case)
    if number is None:
        said = "the weight of the new batch in its running statistics is found neither as an argument, nor as an attribute, "
        raise Undiscovered(f"{said}nor as a short number in what it does")
    return plan, (number,)


def _short_weight(f: float, case: Case) -> float | None:
    """The short number that the seen weight is.

    The probe's means are a few units large and differ by as much, so that f is off by some units of roundoff each for the mean,
    the products, their sum and what is stored: 2^6 of them miss nothing. In float32 that is 4e-6, less than half of what lies
    between decimals of three digits from 0.001 on, so that none is taken for another there.
    """
    error = 2.0**6 * format_of(case.pair.parameter_dtype).unit_roundoff
    return short(f, error)


def _is_none(layer: Any) -> bool:
    slot = [part for part in (layer, *getattr(layer, "children", tuple)()) if getattr(part, "momentum", 0) is None]
    return bool(slot)


def _median(plan: Plan, case: Case) -> float | None:
    try:
        found = list(_momenta(plan, case))
    except Exception:  # whatever a target raises: its step is judged elsewhere, and this one shows nothing
        return None
    return median(found) if found else None


def _momenta(plan: Plan, case: Case) -> Iterator[float]:
    """The weight of the new batch that a step shows in each channel, on a layer that has trained once before."""
    session = FormSession(plan, plan.build(case), case, True, True)
    session.run(place(case.x, case.layout), training=True)
    before = session.state().mean
    other = probe_case(case.pair, case.channels, case.x.ndim, seed=1).x
    session.run(place(other, case.layout), training=True)
    after = session.state().mean
    if not isinstance(before, np.ndarray) or not isinstance(after, np.ndarray):
        return
    mean = other.astype(np.float64).mean(axis=tuple(axis for axis in range(other.ndim) if axis != 1))
    for old, new, of_batch in zip(before.astype(np.float64), after.astype(np.float64), mean, strict=True):
        if of_batch != old and math.isfinite(new):
            yield float((new - old) / (of_batch - old))
