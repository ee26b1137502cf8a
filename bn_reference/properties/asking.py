"""Who asks for a gradient of a step, and what happens between it and its backward pass: circumstances of the step itself."""

from __future__ import annotations

import contextlib

from bn_reference.cases.case import Case, Seen
from bn_reference.cases.circumstances import ASKS, BETWEEN
from bn_reference.cases.facts import Fact, Kind, Missing, Wrong
from bn_reference.cases.layouts import Placement, place
from bn_reference.cases.others import another_batch
from bn_reference.targets.protocol import Grads, Misbehaviour, Session, Step, Unsupported

__all__ = ["NOT_SEEN", "asking", "grads_of_asked", "is_between", "stepped_between"]

ALL_ASKED = ("x", "weight", "bias")
NOT_SEEN = Missing("it asks for none")


def asking(session: Session, case: Case) -> tuple[str, ...]:
    """Have those of x, weight and bias ask for a gradient that do in the case's circumstances; none of them for all."""
    names = next((names for word, names in ASKS.items() if word in case.circumstances), ALL_ASKED)
    if names == ALL_ASKED or not case.affine:
        return ()
    try:
        session.ask(names)
    except Unsupported:  # then all of them do
        return ()
    return names


def grads_of_asked(step: Step, grad_y: Placement, names: tuple[str, ...]) -> Grads:
    """What a backward pass gives those that ask, and NOT_SEEN for the others, to which nothing may come."""
    try:
        given = step.pile(grad_y)
    except Unsupported:
        return Grads(NOT_SEEN, NOT_SEEN, NOT_SEEN)
    except Misbehaviour as misbehaviour:
        return Grads(*[Wrong(misbehaviour.fact)] * 3)

    def of(name: str, seen: Seen) -> Seen:
        if name in names:
            return seen
        return NOT_SEEN if seen is None or isinstance(seen, Missing) else Wrong(Fact(Kind.UNWANTED, f"grad_{name}"))

    return Grads(of("x", given.x), of("weight", given.weight), of("bias", given.bias))


def is_between(case: Case) -> bool:
    """Whether another step of the layer lies between a step and its backward pass; never where gradients read what it moves."""
    return BETWEEN in case.circumstances and case.conventions.training == "batch"


def stepped_between(session: Session, case: Case, training: bool) -> None:
    """Another step, on another batch of the same shape."""
    with contextlib.suppress(Unsupported):
        session.forward(place(another_batch(case, 1), "contiguous"), training=training)
