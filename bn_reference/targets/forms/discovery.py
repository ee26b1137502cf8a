"""Discovery: how a layer that a constructor builds is called and where it keeps what, found out by trying.

Each step tries a few ways in a fixed order and takes the first that works. What the layer computes is looked at only to tell
one way from another; whether it is right is never asked here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Array, Case
from bn_reference.cases.layouts import place
from bn_reference.support.compiling import left_uncompiled
from bn_reference.targets.border import kind_of, said
from bn_reference.targets.forms import wrapped
from bn_reference.targets.forms.arrangement import ARRANGEMENTS, Arrangement
from bn_reference.targets.forms.arrays import is_module
from bn_reference.targets.forms.candidates import counts, libraries
from bn_reference.targets.forms.construction import Constructor
from bn_reference.targets.forms.forward_alone import alone
from bn_reference.targets.forms.inference import evaluates_alone
from bn_reference.targets.forms.mode import ALWAYS, RECORDED, Mode, modes_of
from bn_reference.targets.forms.plan import Plan, method_of, way_back_of
from bn_reference.targets.forms.probing import maps_each_channel, probe_case, resembles
from bn_reference.targets.forms.session import FormSession
from bn_reference.targets.forms.slots import find_slots
from bn_reference.targets.protocol import Misbehaviour, Unsupported

__all__ = ["Discovered", "Undiscovered", "discover"]

FAILURES = (Exception, SystemExit)


class Undiscovered(Exception):
    """No way of calling it works; the text is a clause that says what was tried and what came of it."""


class Discovered:
    """What was found.

    Attributes:
        plan: how it is built, called and looked at.
        case: one that it takes, in the first pair of dtypes and number of channels that work.
        moded: whether being told that it trains makes a difference to its output.
        notes: what a reader must know of how it is called.
    """

    def __init__(self, plan: Plan, case: Case, moded: bool) -> None:
        self.plan, self.case, self.moded = plan, case, moded
        self.notes: tuple[str, ...] = ()


def discover(constructor: Constructor, device: str, accepts: Callable[[Any], bool]) -> Discovered | None:
    """Try to build and call it; None where it builds something that is not accepted.

    Raises:
        Undiscovered: nothing that was tried works.
    """
    failed: list[str] = []
    for records in (True, False):  # what refuses to be recorded may go forward all the same
        if not records and "torch" not in sys.modules:
            continue
        for case in (probe_case(pair, channels) for channels in counts(constructor) for pair in PAIRS[:2]):
            for library in libraries(None):
                plan = Plan(constructor, library, device, records=records)
                try:
                    layer = plan.construct(case)
                except FAILURES as error:
                    given = constructor.said(case.channels, eps=case.eps, momentum=case.momentum, dtype=case.pair.parameters)
                    failed.append(f"it refuses the arguments {given}: {said(error)}")
                    continue
                if not accepts(layer):
                    return None
                found = _called(plan, layer, case, failed)
                if found is not None:
                    try:
                        discovered = _looked_at(found, case)
                        alone = () if records else (_refusal(discovered),)
                        discovered.notes = (*_of_axes(found, case), *alone, *left_uncompiled(layer))
                        return discovered
                    except Misbehaviour as misbehaviour:  # what one layer has after a step, another has not
                        raise Undiscovered(
                            f"its layers are not alike: {misbehaviour.fact.what} is in one and not in another"
                        ) from misbehaviour
    raise Undiscovered(failed[0])


def _refusal(found: Discovered) -> str:
    """Why it goes forward alone: what it says of that very step where it is recorded; other refusals have other reasons."""
    try:
        _tried(replace(found.plan, records=True), found.case)
    except FAILURES as error:
        return alone(error)
    return alone()


def _called(plan: Plan, layer: Any, case: Case, failed: list[str]) -> Plan | None:
    """The plan with library, arrangements, and a way of telling the mode with which a call works; None where none does."""
    for library in libraries(layer):
        of_library = replace(plan, library=library)
        try:
            modes = [*modes_of(layer, method_of(layer)), ALWAYS]
        except AttributeError:
            failed.append(f"it builds {kind_of(layer)}, which can neither be called nor has a method forward")
            return None
        for mode in modes:
            for beside in (False, True):  # as some return what their backward pass needs, or a determinant
                told = replace(of_library, mode=mode, beside=beside)
                arrangements = _arrangements(told, case, failed)
                if arrangements:
                    return replace(told, arrangements=arrangements)
            told = replace(told, beside=False)
            if _runs_at_all(told, case_of(case, 2), failed):  # whatever comes out of it
                return replace(told, arrangements={2: ARRANGEMENTS[2][0]})
    if tensors := wrapped.own_tensors(layer):
        failed.insert(0, tensors)
    return None


def _arrangements(plan: Plan, case: Case, failed: list[str]) -> dict[int, Arrangement]:
    """Those in which it takes batches, by their number of axes.

    A layer of (N, C) alone, which makes its parameters of its first batch, or has the channels first, may run on three axes and
    take one for another. It is not said to take them, where it is right with two, unless each channel is mapped by itself.
    """
    two, three = (case_of(case, ndim) for ndim in ARRANGEMENTS)
    flat = _arranged(plan, two, failed)
    guessed = flat is not None and (flat.channels == "first" or (not plan.constructor.sized and _maps(plan, two, flat)))
    deep = _arranged(plan, three, failed, by_channel=guessed)
    if flat is not None and flat.is_plain(2) and deep is not None and deep.dimensions == 5 and not _maps(plan, three, deep):
        deep = None  # of (N, C) alone, it refuses three axes and four, and runs on five as the last ones have one element
    return {case.x.ndim: found for case, found in ((two, flat), (three, deep)) if found is not None}


def _of_axes(plan: Plan, case: Case) -> tuple[str, ...]:
    """A note on what it takes (N, C) alone of, though it runs on three axes or more."""
    deep = None if 3 in plan.arrangements else _arranged(plan, case_of(case, 3), [])
    return () if deep is None else (f"it runs on {deep.axes} as well, but not channel by channel: it is held to (N, C) alone",)


def _maps(plan: Plan, case: Case, arrangement: Arrangement) -> bool:
    """Whether it maps each channel by itself in an arrangement that it takes."""
    arranged = replace(plan, arrangements={case.x.ndim: arrangement})
    y = _tried(arranged, case)
    return y is not None and _is_by_channel(arranged, case, y)


def _runs_at_all(plan: Plan, case: Case, failed: list[str]) -> bool:
    try:
        _tried(plan, case)
    except FAILURES:
        return False
    try:
        y = FormSession(plan, plan.build(case), case, True, True).called(plan.array(case.x), True)
    except FAILURES:  # it may be called where nothing is recorded alone
        return True
    if wrapped.wraps_an_array(y):
        failed.insert(0, wrapped.named(y))
        return False
    return True


def case_of(case: Case, ndim: int) -> Case:
    """The probe's case with so many axes."""
    return probe_case(case.pair, case.channels, ndim)


def _arranged(plan: Plan, case: Case, failed: list[str], *, by_channel: bool = False) -> Arrangement | None:
    """The first arrangement in which it takes such a batch and gives one back, each channel by itself if ``by_channel``.

    A guess, channels last say, has to give in each channel an affine map of x, as every batch norm does, right or wrong; where
    none does, it is wrong in the first that it takes with the channels second. So has the plain one of a layer that takes any
    number of channels from its first batch, whichever axis it takes for them.
    """
    otherwise: Arrangement | None = None
    for arrangement in ARRANGEMENTS[case.x.ndim]:
        arranged = replace(plan, arrangements={case.x.ndim: arrangement})
        try:
            y = _tried(arranged, case)
        except FAILURES as error:
            if arrangement.is_plain(case.x.ndim):
                failed.append(f"it refuses {_batch(case, arrangement)}: {said(error)}")
            continue
        plain = arrangement.is_plain(case.x.ndim)
        if not isinstance(y, np.ndarray) or y.shape != case.x.shape:
            continue
        if (plain and plan.constructor.sized and not by_channel) or _is_by_channel(arranged, case, y):
            return arrangement
        if arrangement.channels == "second":
            otherwise = otherwise or arrangement
    return None if by_channel else otherwise


def _is_by_channel(plan: Plan, case: Case, y: Array) -> bool:
    """Whether each channel is mapped by itself: in an affine way, and alike whatever another channel holds."""
    x = case.x.copy()
    x[:, 0] = x.dtype.type(1) - x[:, 0] * x.dtype.type(2)
    try:
        other = _tried(plan, case.but(x=x))
    except FAILURES:
        return False
    return maps_each_channel(case.x, y) and other is not None and resembles(other[:, 1:], y[:, 1:])


def _batch(case: Case, arrangement: Arrangement) -> str:
    return f"a batch {arrangement.axes} of shape {case.x.shape} in {case.pair.input}"


def _tried(plan: Plan, case: Case) -> Array | None:
    """The output of a training step of a new layer; None where it is no array."""
    session = FormSession(plan, plan.build(case), case, True, True)
    try:
        return session.run(place(case.x, case.layout), training=True).y
    except Misbehaviour:
        return None


def _looked_at(plan: Plan, case: Case) -> Discovered:
    ndim = min(plan.arrangements)
    case = case_of(case, ndim)
    used = FormSession(plan, plan.build(case), case, True, True)
    used.run(place(case.x, case.layout), training=True)
    plan = replace(plan, slots=find_slots(plan.build(case), used.layer, case.x))
    mode, moded = _mode(plan, used.layer, case)
    plan = replace(plan, mode=mode)
    plan = replace(plan, trains=moded or not evaluates_alone(plan, used.layer, case))
    return Discovered(replace(plan, backward=_way_back(plan, used.layer, case)), case, moded)


def _mode(plan: Plan, layer: Any, case: Case) -> tuple[Mode, bool]:
    """The first way of telling that changes the output, and whether one does; else the first that works."""
    working: list[Mode] = []
    for mode in modes_of(layer, method_of(layer)):
        told = replace(plan, mode=mode)
        training = _output(told, case, training=True)
        evaluation = _output(told, case, training=False)
        if training is None:
            continue
        working.append(mode)
        if evaluation is not None and not _same(training, evaluation):
            return mode, True
    if plan.library == "torch":
        told = replace(plan, mode=RECORDED)
        training, evaluation = _output(told, case, training=True), _output(told, case, training=False)
        if training is not None and evaluation is not None and not _same(training, evaluation):
            return RECORDED, True
    return (working[0] if working else ALWAYS), False


def _output(plan: Plan, case: Case, *, training: bool) -> Array | None:
    """The output of a new layer with the case's state, None where there is none."""
    try:
        session = FormSession(plan, plan.build(case), case, True, True)
        return session.run(place(case.x, case.layout), training=training).y
    except (*FAILURES, Misbehaviour, Unsupported):
        return None


def _same(one: Array, other: Array) -> bool:
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        return type(one) is type(other)  # told where the step is judged
    return one.shape == other.shape and bool(np.array_equal(one, other, equal_nan=True))


def _way_back(plan: Plan, layer: Any, case: Case) -> Any:
    """Whether torch records the way back, the layer has a method for it, or there is none."""
    if not plan.records:
        return ""
    own = way_back_of(layer) is not None and not is_module(layer)
    if own:
        return "method"
    if plan.library == "numpy":
        return ""
    session = FormSession(plan, plan.build(case), case, True, True)
    step: Any = session.run(place(case.x, case.layout), training=True)
    return "recorded" if is_module(layer) or bool(getattr(step.tensor, "requires_grad", False)) else ""
