"""What a target makes of batches that say nothing of a variance: one value a channel, and none at all."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import State
from bn_reference.cases.layouts import place
from bn_reference.conventions import Conventions
from bn_reference.oracle.step import expect_training
from bn_reference.targets.protocol import Implementation, Misbehaviour, Unsupported
from bn_reference.verification.measuring.steps import is_finite, is_near, output_of, plain_case

__all__ = ["empty_batch", "single_value"]


def single_value(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    """A training step of one value a channel: refused, or y = bias, or x returned; NaN and infinity are told as such."""
    case = plain_case(implementation, pairs[0])
    one = case.but(x=case.x[:1, :, :1] if case.x.ndim == 3 else case.x[:1])
    one = one.but(grad_y=one.x)
    session = implementation.open(one)
    try:
        y = output_of(session, one, training=True)
    except Misbehaviour as misbehaviour:
        return found.but(single_value="refused") if misbehaviour.raised else found
    if not is_finite(State(y, None), session.state() if case.tracks else State()):
        return found.but(single_value="undefined")
    if np.array_equal(y, one.x.astype(y.dtype)):
        return found.but(single_value="input")
    if is_near("y", y, expect_training(replace(one, recipe=None).kept_by(found)).y):
        return found.but(single_value="bias")
    return found


def empty_batch(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    """A training step of no rows, refused or not, and the statistics after it."""
    case = plain_case(implementation, pairs[0])
    if not case.tracks:
        return found
    session = implementation.open(case)
    with suppress(Misbehaviour, Unsupported):  # refused, which may yet have moved the statistics
        session.forward(place(case.x[:0], "contiguous"), training=True)
    return found if is_finite(session.state()) else found.but(empty_batch="undefined")
