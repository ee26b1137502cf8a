"""A layer's own ``backward``: what it returns, and what it leaves in attributes, as gradients of x, weight and bias."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bn_reference.cases.facts import Missing
from bn_reference.targets.forms.arrangement import Arrangement
from bn_reference.targets.forms.arrays import count, is_array, is_floating, numbers
from bn_reference.targets.forms.function_manner import gone_back, takes
from bn_reference.targets.forms.given import GivenLayer
from bn_reference.targets.forms.gone_back import MARKS, taken_out
from bn_reference.targets.forms.names import ALIASES
from bn_reference.targets.forms.plan import way_back_of
from bn_reference.targets.forms.slots import GRADIENTS, PARAMETERS, Slot, held_in, levels_of
from bn_reference.targets.protocol import Grads, Unsupported

__all__ = ["OWN_MEMORY", "gradient_name", "manual_grads", "require_way_back"]

_OWN = Missing("the gradients that its backward pass gives are the layer's own memory")
FAILURES = (Exception, SystemExit)
OWN_MEMORY = Grads(_OWN, _OWN, _OWN)


def require_way_back(session: GivenLayer, training: bool) -> None:
    """Raises Unsupported where there is no way back from training, or from eval."""
    if not session.plan.backward:
        raise Unsupported("it has no backward pass")
    if not training and not session.plan.evaluation_gradients:
        raise Unsupported("it has no gradients in eval")


def manual_grads(session: GivenLayer, arrangement: Arrangement, upstream: Any, shape: tuple[int, ...]) -> Grads:
    """Let the layer go back from an upstream gradient (of the batch's shape), and find what it gave."""
    for left in _left(session).values():  # some add to what is there
        if is_array(left) and is_floating(left):
            left[...] = 0
    go_back = way_back_of(session.layer)
    assert go_back is not None  # or there would be no way back by a method
    handed = arrangement.enter(upstream)
    try:
        came = go_back(handed) if not session.plan.beside or takes(go_back, 1) else gone_back(go_back, handed, session.cache)
    except FAILURES as error:
        if session.gone_back is not None and session.gone_back is session.latest:
            raise Unsupported("its backward pass forgets what it goes back through, and can be taken once alone") from error
        raise
    session.gone_back = session.latest
    grad_x, vectors = _returned(came, session)
    if len(vectors) < 2:
        vectors = {**_left(session), **vectors}
    absent = Missing("its gradient is found under no known name")
    weight, bias = (vectors.get(role, absent) for role in PARAMETERS)
    x: Any = arrangement.leave(grad_x, shape)
    if is_array(x):
        x = numbers(x, "grad_x")
    if session.plan.promotes:
        x, weight, bias = (rounded(each, upstream) for each in (x, weight, bias))
    if not session.trainable:
        return Grads(x if session.input_gradient else None, None, None)
    return Grads(x if session.input_gradient else None, session.vector(weight), session.vector(bias))


def rounded(gradient: Any, upstream: Any) -> Any:
    """A gradient in float64 as one of the upstream gradient's dtype."""
    given = numbers(gradient, "a gradient") if is_array(gradient) else gradient
    handed = numbers(upstream, "grad_y")
    if not isinstance(given, np.ndarray) or not isinstance(handed, np.ndarray) or given.dtype != np.float64:
        return gradient
    return given.astype(handed.dtype)


def _returned(came: Any, session: GivenLayer) -> tuple[Any, dict[str, Any]]:
    """The gradient of x, and those of weight and bias where they come with it: in their order, or by their names."""
    if isinstance(came, Mapping):
        named = {role: value for key, value in came.items() if (role := gradient_name(str(key), session)) is not None}
        others = [value for key, value in came.items() if gradient_name(str(key), session) is None]
        return (others[0] if others else None), named
    if not isinstance(came, (tuple, list)):
        return came, {}
    came, named = taken_out(came)
    if len(named) == len(PARAMETERS) and came:
        return came[0], named
    vectors = [value for value in came if is_array(value) and count(value) == session.channels]
    others = [value for value in came if not any(value is vector for vector in vectors)]
    if len(vectors) > 2:  # a batch of one row has as many elements: x comes first
        others, vectors = [vectors[0], *others], vectors[1:]
    if len(vectors) != 2:
        raise Unsupported("what its backward pass returns is no gradient of x, nor that with those of weight and bias")
    return (others[0] if others else None), dict(zip(PARAMETERS, vectors, strict=True))


def _left(session: GivenLayer) -> dict[str, Any]:
    """Gradients that the layer keeps, by role."""
    kept: dict[str, Any] = {}
    for role in PARAMETERS:
        for given in _beside(session, role):
            if is_array(given) and count(given) == session.channels:
                kept[role] = given
    for path, parts in levels_of(session.layer):
        in_gradients = bool(path) and "grad" in path[-1].lower()
        for name, value in parts.items():
            of = gradient_name(name, session, bare=in_gradients)
            if of is not None and is_array(value) and count(value) == session.channels:
                kept.setdefault(of, value)
    return kept


def _beside(session: GivenLayer, role: str) -> Iterator[Any]:
    """What a parameter has for a gradient: torch's own, or somebody's object for a parameter, whose array is the parameter."""
    yield getattr(session.read(role), "grad", None)
    slot = session.plan.slots.get(role)
    if slot is not None and len(slot.path) > 1:
        holder = Slot(slot.path[:-1]).read(session.layer)
        yield from (getattr(holder, name, None) for name in GRADIENTS if held_in(holder))


def gradient_name(name: str, session: GivenLayer, *, bare: bool = False) -> str | None:
    """Of which parameter a name says that it is the gradient.

    ``bare``: it stands among gradients, where it has the parameter's own name.
    """
    name = name.strip("_").lower()
    stem = name if bare else MARKS.sub("", name, count=1).strip("_")
    if stem == name and not bare:
        return None
    for role in PARAMETERS:
        slot = session.plan.slots.get(role)
        if slot is not None and stem == slot.path[-1].strip("_").lower():
            return role
    return next((role for role in PARAMETERS if stem in ALIASES[role]), None)
