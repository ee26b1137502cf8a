"""A step of plain data on a target, and what it is held against: what every measurement is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Array, Case, State
from bn_reference.cases.layouts import place
from bn_reference.conventions import VALUES, Conventions
from bn_reference.oracle.bounded import Bounded
from bn_reference.oracle.compare import within
from bn_reference.targets.protocol import Implementation, Session
from bn_reference.verification.generic import generic_cases

__all__ = ["first_kept", "is_finite", "is_near", "output_of", "plain_case"]

MOMENTUM = 0.25


def plain_case(implementation: Implementation, pair: Pair) -> Case:
    """Generic data of a kind that the target takes, with the statistics of its own beginning."""
    domain = implementation.domain
    shape = (4, domain.channels) if 2 in domain.dimensions else (4, domain.channels, 2)
    x, vector = np.ones(shape, pair.input_dtype), np.ones(shape[1], pair.parameter_dtype)
    affine, tracks = True in domain.affine, True in domain.tracks
    plain = Case(
        pair,
        x,
        x,
        weight=vector if affine else None,
        bias=vector if affine else None,
        running_mean=vector if tracks else None,
        running_var=vector if tracks else None,
        momentum=MOMENTUM,
    )
    return domain.nearest(generic_cases(domain.nearest(plain))[0])


def output_of(session: Session, case: Case, *, training: bool) -> Array:
    """y of one step."""
    return session.forward(place(case.x, case.layout), training=training).y


def first_kept(
    found: Conventions, names: Sequence[str], holds: Callable[[Conventions], bool], without: tuple[str, ...] = ()
) -> Conventions:
    """The first values of these conventions with which all that was seen is within bounds; those demanded come first."""
    options = [[getattr(found, name), *(value for value in VALUES[name] if value not in without)] for name in names]
    for values in product(*options):
        candidate = found.but(**dict(zip(names, values, strict=True)))
        if holds(candidate):
            return candidate
    return found


def is_near(what: str, actual: Array | None, expected: Bounded | None) -> bool:
    """Whether something that was seen is within a bound that says something."""
    if actual is None or expected is None or not np.isfinite(expected.bound).any():
        return False
    return within(what, actual, expected).holds


def is_finite(*states: State) -> bool:
    """Whether no statistic that is seen is a NaN or an infinity."""
    arrays = [values for state in states for values in (state.mean, state.var) if isinstance(values, np.ndarray)]
    return all(bool(np.isfinite(values.astype(np.float64)).all()) for values in arrays)
