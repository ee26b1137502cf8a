"""Modules that are made for inference alone, whose parameters and statistics are buffers: frozen batch norms."""

from __future__ import annotations

from typing import Any

import numpy as np

from bn_reference.cases.case import Array, Case
from bn_reference.cases.layouts import place
from bn_reference.targets.forms.arrays import is_module
from bn_reference.targets.forms.plan import Plan
from bn_reference.targets.forms.session import FormSession
from bn_reference.targets.forms.slots import PARAMETERS, STATISTICS

__all__ = ["evaluates_alone"]


def evaluates_alone(plan: Plan, layer: Any, case: Case) -> bool:
    """Whether nothing of it is trained, and training, too, normalizes with running statistics that never move.

    One that has a parameter of torch's is there to be trained, and held to what a step of training promises.
    """
    if not is_module(layer) or next(iter(layer.parameters()), None) is not None:
        return False
    buffers = dict(layer.named_buffers())
    if not all(role in plan.slots and plan.slots[role].name in buffers for role in (*PARAMETERS, *STATISTICS)):
        return False
    assert case.running_mean is not None
    others = case.x.copy()
    others[1:] *= 2
    try:
        y, left = _step(plan, case)
        of_others, _ = _step(plan, case.but(x=others))
        moved, _ = _step(plan, case.but(running_mean=case.running_mean + 1))
    except Exception:  # whatever a target raises: what it does is judged later
        return False
    stays = all(np.array_equal(now, getattr(case, role)) for role, now in zip(STATISTICS, left, strict=True))
    return stays and np.array_equal(y[:1], of_others[:1]) and not np.array_equal(y, moved)


def _step(plan: Plan, case: Case) -> tuple[Array, tuple[Any, Any]]:
    """The output of a training step, and the statistics behind it."""
    session = FormSession(plan, plan.build(case), case, True, True)
    y = session.run(place(case.x, case.layout), training=True).y
    assert isinstance(y, np.ndarray)
    state = session.state()
    return y, (state.mean, state.var)
