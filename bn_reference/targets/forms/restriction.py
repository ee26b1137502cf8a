"""Restriction: what a layer refuses when it is tried is outside its domain; what it computes wrongly is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.facts import Kind, Missing
from bn_reference.cases.layouts import place
from bn_reference.oracle.compare import within
from bn_reference.oracle.step import expect_inference, expect_training
from bn_reference.targets.forms.probing import probe_case
from bn_reference.targets.protocol import Misbehaviour, Unsupported

if TYPE_CHECKING:
    from bn_reference.targets.forms.layers import FormedLayers

__all__ = ["restricted"]

FAILURES = (Exception, SystemExit)
HALVES = ("float16", "bfloat16")
STRIDED = ("transposed", "sliced", "expanded")
BARE: dict[str, dict[str, Any]] = {
    "affine": {"weight": None, "bias": None},
    "tracks": {"running_mean": None, "running_var": None, "batches": 0},
}


def restricted(layers: FormedLayers, case: Case) -> FormedLayers:
    """The layers with the domain that trying leaves.

    Args:
        layers: with a domain of what their constructor and attributes say.
        case: one that they take; what fails of it already restricts nothing.
    """
    works = _working(layers, case)

    def runs(**changes: Any) -> bool:
        return works <= _working(layers, case.but(**changes))

    domain, notes = layers.domain, list(layers.notes)
    pairs = [pair for pair in PAIRS if works <= _working(layers, _in_pair(case, pair))]
    for words, is_so in (("it rounds each step to them", _rounds_each_step), ("it gives out the parameters' dtype", _promotes)):
        halves = [pair for pair in pairs if pair.input in HALVES and not layers.plan.constructor.takes("dtype")]
        left_out = [pair for pair in halves if is_so(layers, _in_pair(case, pair))]
        if left_out:
            pairs = [pair for pair in pairs if pair not in left_out]
            notes.append(f"its constructor takes no dtype, and {', '.join(map(str, left_out))} are not asked for: {words}")
    domain = replace(domain, pairs=() if len(pairs) == len(PAIRS) else tuple(map(str, pairs)))
    for option, none in BARE.items():
        if getattr(domain, option) == (True, False) and not runs(**none):
            domain = replace(domain, affine=(True,)) if option == "affine" else replace(domain, tracks=(True,))
    if case.tracks and domain.momentum != (None,):
        cumulative = layers.plan.constructor.takes("momentum") and runs(momentum=None, batches=0)
        averages = (None,) if cumulative and domain.momentum else ()
        domain = replace(domain, cumulative=cumulative, momentum=(*domain.momentum, *averages))
    rows = np.broadcast_to(case.x[:1], case.x.shape).copy()
    upstream = np.broadcast_to(case.grad_y[:1], case.x.shape).copy()
    domain = replace(
        domain,
        layouts=all(runs(layout=layout, **({"x": rows} if layout == "expanded" else {})) for layout in STRIDED),
        grad_layouts=all(
            runs(grad_layout=layout, **({"grad_y": upstream} if layout == "expanded" else {})) for layout in STRIDED
        ),
    )
    layers.domain, layers.notes = domain, tuple(notes)
    layers.plan = replace(layers.plan, evaluation_gradients=_goes_back(layers, case))
    if layers.plan.backward == "method" and not layers.plan.evaluation_gradients:
        layers.notes += ("its backward pass is not asked for after eval, whose gradients it does not give",)
    return layers


def _in_pair(case: Case, pair: Any) -> Case:
    """The probe's case in another pair of dtypes, with the options of this one."""
    other = probe_case(pair, case.channels, case.x.ndim)
    none = {name: None for name in ("weight", "bias", "running_mean", "running_var") if getattr(case, name) is None}
    return other.but(eps=case.eps, momentum=case.momentum, batches=case.batches, **none)


def _working(layers: FormedLayers, case: Case) -> set[str]:
    """What raises nothing of the target's own, of a step in training and one in eval, there and back."""
    working = set()
    for mode, training in (("training", True), ("eval", False)):
        try:
            step = layers.open(case).forward(place(case.x, case.layout), training=training)
            working.add(mode)
            step.backward(place(case.grad_y, case.grad_layout))
            working.add(f"back from {mode}")
        except (Unsupported, Misbehaviour, NotImplementedError):
            working |= {mode, f"back from {mode}"}
        except FAILURES:
            continue
    return working


def _output(layers: FormedLayers, case: Case) -> np.ndarray[Any, Any] | None:
    try:
        y = layers.open(case).forward(place(case.x, case.layout), training=True).y
    except (*FAILURES, Misbehaviour):
        return None
    return y if isinstance(y, np.ndarray) and y.shape == case.x.shape else None


def _rounds_each_step(layers: FormedLayers, case: Case) -> bool:
    """Whether it does not compute as the suite's model of half precision does, and does as one that rounds each step."""
    y = _output(layers, case)
    if y is None or y.dtype != case.pair.input_dtype:
        return False
    with np.errstate(all="ignore"):
        if within("y", y, expect_training(case).y).holds:
            return False
        each_step = case.but(pair=replace(case.pair, working=case.pair.input))
        return within("y", y, expect_training(each_step).y).holds


def _promotes(layers: FormedLayers, case: Case) -> bool:
    """Whether half a batch's precision comes out in the wider dtype of the parameters."""
    y = _output(layers, case)
    return y is not None and y.dtype != case.pair.input_dtype and y.dtype == case.pair.parameter_dtype


def _goes_back(layers: FormedLayers, case: Case) -> bool:
    """Whether there is a gradient of x in eval; of a method that is written for training alone, whether it is that of eval."""
    try:
        step = layers.open(case).forward(place(case.x, case.layout), training=False)
        grad_x = step.backward(place(case.grad_y, case.grad_layout)).x
    except Misbehaviour as misbehaviour:
        return misbehaviour.fact.kind is not Kind.NO_GRADIENT
    except FAILURES:
        return layers.plan.backward != "method"
    if isinstance(grad_x, Missing):
        return False
    if layers.plan.backward != "method" or not isinstance(grad_x, np.ndarray):
        return True
    return within("grad_x", grad_x, expect_inference(case).grad_x).holds
