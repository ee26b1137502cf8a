"""How one goes back through a function: by what stands beside it, or by what is recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bn_reference.oracle.compare import within
from bn_reference.oracle.step import expect_inference
from bn_reference.targets.border import raised
from bn_reference.targets.forms.forward_alone import alone
from bn_reference.targets.forms.function_probe import FAILED, Probe
from bn_reference.targets.protocol import Misbehaviour

__all__ = ["going_back"]


def going_back(probe: Probe, sibling: Callable[..., Any] | None, notes: list[str]) -> Probe:
    """The same, with its backward pass, if it has one."""
    if probe.manner.alone:
        notes.append(_refusal(probe.but(alone=False)))
        return probe.but(goes_back={True: False, False: False})
    if sibling is not None and probe.manner.told != "evaluates":
        with_sibling = probe.but(going_back=sibling)
        try:
            with_sibling.back(True)
        except FAILED as error:
            if not _records(probe, True, notes):
                fact = raised(error)
                notes.append(f"its backward pass {sibling.__name__} raises {fact.type}, so that no gradients are asked for")
        else:
            return with_sibling.but(goes_back={True: True, False: _goes_back_from_eval(with_sibling, notes)})
    return probe.but(goes_back={training: _records(probe, training, notes) for training in (True, False)})


def _refusal(recorded: Probe) -> str:
    """Why it goes forward alone: what it says of that very step where it is recorded."""
    try:
        recorded.run(recorded.trains)
    except FAILED as error:
        return alone(error)
    return alone()


def _goes_back_from_eval(probe: Probe, notes: list[str]) -> bool:
    """Whether a backward pass that is written for training gives the gradient of eval, where it gives one."""
    case = probe.case()
    try:
        grad_x = probe.back(False).x
    except FAILED:
        return False
    if isinstance(grad_x, np.ndarray) and within("grad_x", grad_x, expect_inference(case).grad_x).holds:
        return True
    notes.append("its backward pass is not asked for after eval, whose gradients it does not give")
    return False


def _records(probe: Probe, training: bool, notes: list[str]) -> bool:
    """Whether its output is part of a recorded computation, through which gradients flow."""
    if not probe.manner.arrays.records:
        return False
    try:
        step = probe.run(training)[1]
    except FAILED:
        return True  # whatever is wrong is for the verdict to tell
    if not probe.manner.arrays.recorded(step.tensor):
        return False
    try:
        probe.back(training)
    except Misbehaviour:
        return True
    except FAILED as error:
        mode = "training" if training else "eval"
        notes.append(f"going back from {mode} raises {raised(error).type}, so that no gradients of it are asked for")
        return False
    return True
