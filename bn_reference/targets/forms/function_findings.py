"""What is found out about a function by calling it: the manner in which it is called, and the cases that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bn_reference.cases.case import State
from bn_reference.cases.domain import AXES, Domain
from bn_reference.targets.arrays import numpy_of
from bn_reference.targets.border import said
from bn_reference.targets.forms.accelerators import require_none
from bn_reference.targets.forms.function_constants import constants_of
from bn_reference.targets.forms.function_dtypes import pairs_of
from bn_reference.targets.forms.function_gradients import going_back
from bn_reference.targets.forms.function_manner import Manner, beside
from bn_reference.targets.forms.function_probe import (
    BARE,
    CHANNELS,
    FAILED,
    Probe,
    able,
    depends_on_statistics,
    first_working,
    flags,
    with_shape,
)
from bn_reference.targets.protocol import Misbehaviour

__all__ = ["Findings", "findings_of"]

LAYOUTS = ("transposed", "sliced")


@dataclass(frozen=True, eq=False)
class Findings:
    """How a function is called and what it takes; ``form`` and ``notes`` say it to people."""

    manner: Manner
    domain: Domain
    form: str
    notes: tuple[str, ...] = ()


def findings_of(manner: Manner, sibling: Callable[..., Any] | None, name: str, device: str) -> Findings | str:
    """What is found out; a clause that says what is missing where it cannot be called.

    Raises:
        UnusableTarget: it runs on an accelerator alone.
    """
    probe = _told(manner)
    if not isinstance(probe, Probe):
        require_none(name, probe, device)
        met = f", {said(probe)}" if isinstance(probe, Misbehaviour) else f" it raises {said(probe)}"
        return f"called with {manner.arrays.name}{met}"
    probe = _with_statistics(probe)
    notes: list[str] = []
    probe = going_back(probe, sibling, notes)
    constants = constants_of(probe)
    if isinstance(constants, str):
        return constants
    probe = probe.but(weights=constants.pop("weights", "new"))
    shapes = {ndim: found.manner.shapes[ndim] for ndim in AXES if isinstance(found := _of_axes(probe, ndim), Probe)}
    if 2 in shapes and shapes[2].arrangement.channels == "first":  # there is no third axis that it would not take for another
        shapes = {2: shapes[2]}
    probe = probe.but(shapes=shapes)
    domain = Domain(
        **constants,
        cumulative=False,
        dimensions=tuple(shapes),
        channels=1 if probe.channels == CHANNELS[0] else probe.channels,
        pairs=pairs_of(probe, notes),
        layouts=all(able(lambda layout=layout: probe.run(probe.trains, layout=layout)) for layout in LAYOUTS),  # type: ignore[misc]
        grad_layouts=not probe.manner.goes_back[probe.trains] or able(lambda: probe.back(probe.trains, "sliced")),
        affine=_affine(probe),
        tracks=_tracking(probe),
    )
    notes += _alone(probe)
    bare = False in domain.tracks and able(lambda: probe.run(False, probe.case(**BARE)))
    return Findings(replace(probe.manner, evaluates_bare=bare), domain, _form(probe, domain), tuple(notes))


def _alone(probe: Probe) -> list[str]:
    """A note, where it never leaves torch's own batch norm, and is not torch's own itself."""
    function: Any = probe.manner.arguments.function
    of_torch = str(getattr(getattr(function, "func", function), "__module__", "")).partition(".")[0] == "torch"
    if not probe.manner.arrays.records or of_torch:
        return []
    from bn_reference.targets.forms.torch_alone import NOTHING_OF_ITS_OWN, is_torch_alone

    modes = {"trains": (True,), "evaluates": (False,)}.get(probe.manner.told, (True, False))
    alone = all(is_torch_alone(lambda mode=mode: probe.run(mode)[1].tensor) for mode in modes)  # type: ignore[misc]
    return [NOTHING_OF_ITS_OWN] * alone


def _affine(probe: Probe) -> tuple[bool, ...]:
    if "weight" not in probe.manner.arguments:
        return (False,)
    return (True, False) if able(lambda: probe.run(probe.trains, probe.case(weight=None, bias=None))) else (True,)


def _tracking(probe: Probe) -> tuple[bool, ...]:
    if not probe.tracks:
        return (False,)
    known = "table" not in probe.manner.arguments and probe.trains
    return (True, False) if known and able(lambda: probe.run(True, probe.case(**BARE))) else (True,)


def _form(probe: Probe, domain: Domain) -> str:
    """How it is called, in words."""
    manner = probe.manner
    parts = [f"function {manner.arguments.said} of {manner.arrays.name}"]
    axes = [shape.arrangement.axes for ndim, shape in manner.shapes.items() if not shape.arrangement.is_plain(ndim)]
    axes = list(dict.fromkeys(axes))
    parts += [f"handed {' and '.join(axes)}"] * bool(axes)
    parts += {"recording": ["training where gradients are recorded"], "trains": ["training alone"]}.get(manner.told, [])
    parts += ["inference alone"] * (manner.told == "evaluates")
    if manner.going_back is not None:
        parts.append(f"backward pass {manner.going_back.__name__}")
    return ", ".join(parts)


# how it is told to train


def _told(manner: Manner) -> Probe | BaseException:
    """A probe that works, and is told to train or not in the way that the function knows."""
    arguments = manner.arguments
    if any(role in arguments for role in ("training", "evaluation", "mode", "table")):
        return _by_argument(manner)
    trains = first_working(replace(manner, told="trains"), training=True)
    if not isinstance(trains, Probe) or not trains.tracks:
        return trains
    if manner.arrays.records and not manner.alone:
        recording = trains.but(told="recording")
        if (
            able(lambda: recording.run(False))
            and depends_on_statistics(recording, False)
            and not depends_on_statistics(recording, True)
        ):
            return recording
    return trains.but(told="evaluates") if depends_on_statistics(trains, True) else trains


def _by_argument(manner: Manner) -> Probe | BaseException:
    """The values of the argument under which evaluation reads the running statistics and training does not."""
    working: Probe | None = None
    failed: BaseException | None = None
    for flag in flags(Probe(manner)):
        told = replace(manner, flag=flag)
        found = working.but(flag=flag) if working else first_working(told, training=True)
        if not isinstance(found, Probe):
            failed = failed or found
            found = first_working(told, training=False)
            if not isinstance(found, Probe):
                continue
        working = working or found
        if not found.tracks or (able(lambda found=found: found.run(False)) and _told_apart(found)):  # type: ignore[misc]
            return found
    return working or failed or ValueError("it takes no mode that is known")


def _told_apart(probe: Probe) -> bool:
    try:
        return depends_on_statistics(probe, False) and not depends_on_statistics(probe, True)
    except FAILED:
        return False


def _of_axes(probe: Probe, ndim: int) -> Probe | BaseException:
    return with_shape(probe.of(probe.channels, probe.pair, ndim), probe.trains)


# where the statistics are


def _with_statistics(probe: Probe) -> Probe:
    """The same, with where the running statistics are after a step."""
    arguments = probe.manner.arguments
    if "table" in arguments:
        return probe.but(statistics="dictionary")
    if "mean" not in arguments or not probe.trains:
        return probe
    case = probe.case()
    try:
        session, step = probe.but(statistics="in place").run(True, case)
        state = session.state()
    except FAILED:
        return probe
    if not _same(state, State(case.running_mean, case.running_var)):
        return probe.but(statistics="in place")
    values = beside(step.others)
    pairs = [
        i for i in range(1, len(values)) if _is_vector(values[i - 1], case.channels) and _is_vector(values[i], case.channels)
    ]
    for number in pairs:
        returned = probe.but(statistics="returned", returned=number)
        if _reads_prior(returned):
            return returned
    if pairs and "momentum" in arguments:
        return probe.but(statistics="returned", returned=pairs[0])
    return probe if "momentum" in arguments else probe.but(statistics="nowhere")


def _same(one: State, other: State) -> bool:
    return all(
        isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.array_equal(a, b)
        for a, b in ((one.mean, other.mean), (one.var, other.var))
    )


def _is_vector(value: Any, channels: int) -> bool:
    try:
        return numpy_of(value, "").size == channels
    except FAILED:
        return False


def _reads_prior(probe: Probe) -> bool:
    """Whether what it returns depends on the running statistics that it was given."""
    case = probe.case()
    assert case.running_mean is not None
    one, other = (probe.run(True, c)[0].state() for c in (case, case.but(running_mean=case.running_mean + 1)))
    return not np.array_equal(np.asarray(one.mean), np.asarray(other.mean))
