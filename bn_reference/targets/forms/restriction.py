"""Restriction: what a layer refuses when it is tried is outside its domain; what it computes wrongly is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import PAIRS, Pair, format_of
from bn_reference.cases.case import Case
from bn_reference.cases.facts import Kind, Missing
from bn_reference.cases.layouts import place
from bn_reference.oracle.compare import within
from bn_reference.oracle.step import expect_inference
from bn_reference.targets.forms.formed import FormedLayers
from bn_reference.targets.forms.plan import Plan
from bn_reference.targets.forms.probing import probe_case
from bn_reference.targets.forms.session import FormSession
from bn_reference.targets.protocol import Misbehaviour, Unsupported

__all__ = ["is_torchs_own", "restricted"]

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
    pairs = _asked(layers, case, [pair for pair in PAIRS if works <= _working(layers, in_pair(case, pair))], notes)
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
    if _promotes(layers, case):
        layers.plan = replace(layers.plan, promotes=True)
        layers.notes += ("its backward pass gives float64, which is rounded to the dtype of x before it is judged",)
    layers.plan = replace(layers.plan, evaluation_gradients=_goes_back(layers, case))
    if layers.plan.backward == "method" and not layers.plan.evaluation_gradients:
        layers.notes += ("its backward pass is not asked for after eval, whose gradients it does not give",)
    return layers


def _asked(layers: FormedLayers, case: Case, taken: list[Pair], notes: list[str]) -> list[Pair]:
    """The pairs of dtypes that it can be held to, of those that it takes.

    A layer whose constructor takes a dtype is held to each. One that takes none promises none: where its formula rounds to
    half precision at every step, or turns everything into another dtype, that is the library's doing, not its author's.
    """
    if layers.plan.constructor.takes("dtype"):
        return taken
    changed = [pair for pair in taken if _changes_dtype(layers, in_pair(case, pair))]
    rounded = [pair for pair in taken if pair not in changed and rounds_on_its_way(layers, in_pair(case, pair))]
    asked = [pair for pair in taken if pair not in changed + rounded]
    if not asked:
        return taken
    if rounded or any(pair.input in HALVES for pair in changed):
        notes.append("half precision is not verified: it takes no dtype, and rounds to it on its way or gives out another one")
    wide = [pair for pair in changed if pair.input not in HALVES]
    if wide:
        notes.append(f"{', '.join(map(str, wide))} is not verified: it takes no dtype, and gives out another one")
    return asked


def in_pair(case: Case, pair: Pair) -> Case:
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
        y = layers.open(case).forward(place(case.x, case.layout), training=layers.plan.trains).y
    except (*FAILURES, Misbehaviour):
        return None
    return y if isinstance(y, np.ndarray) and y.shape == case.x.shape else None


def rounds_on_its_way(layers: FormedLayers, case: Case) -> bool:
    """Whether y is further from what the same numbers give in float32 than rounding it to half precision makes it."""
    if case.pair.input not in HALVES:
        return False
    several = np.concatenate([case.x * case.x.dtype.type(k) for k in range(1, 9)])
    case = case.but(x=several, grad_y=several)
    arrays = {name: value.astype(np.float32) for name, value in vars(case).items() if isinstance(value, np.ndarray)}
    y, single = _output(layers, case), _output(layers, case.but(pair=PAIRS[0], **arrays))
    if y is None or single is None or y.dtype != case.pair.input_dtype or is_torchs_own(layers.plan, case):
        return False
    unit = 2.0 * format_of(case.pair.input_dtype).unit_roundoff  # one rounding of y, and as much again for what float32 does
    apart = np.abs(y.astype(np.float64) - single.astype(np.float64))
    return bool((apart > unit * np.maximum(np.abs(single), unit)).any())


def is_torchs_own(plan: Plan, case: Case) -> bool:
    """Whether torch's own batch norm computes: how it rounds is known, and what it does wrong."""
    if plan.library == "numpy":
        return False
    from bn_reference.targets.forms.torch_kernels import recorded_kernels

    step: Any = FormSession(plan, plan.build(case), case, True, True).run(place(case.x, case.layout), training=True)
    return bool(recorded_kernels(getattr(step, "tensor", None)))


def _changes_dtype(layers: FormedLayers, case: Case) -> bool:
    y = _output(layers, case)
    return y is not None and y.dtype != case.pair.input_dtype


def _promotes(layers: FormedLayers, case: Case) -> bool:
    """Whether a backward pass of the layer's own gives a gradient of x of a wider dtype, as a number of NumPy's makes it."""
    if layers.plan.backward != "method" or layers.plan.constructor.takes("dtype"):
        return False
    try:
        step = layers.open(case).forward(place(case.x, case.layout), training=True)
        grad_x = step.backward(place(case.grad_y, case.grad_layout)).x
    except (*FAILURES, Misbehaviour):
        return False
    return isinstance(grad_x, np.ndarray) and grad_x.dtype == np.float64 != case.pair.input_dtype


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
