"""Calls of a function that show how it is called: on small batches whose axes differ in length, to be told apart."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.arithmetic.running_error import leading
from bn_reference.cases.case import Array, Case
from bn_reference.cases.layouts import from_matrix, place
from bn_reference.oracle.step import expect_inference, expect_training
from bn_reference.targets.forms.function_manner import Manner
from bn_reference.targets.forms.function_session import FunctionSession
from bn_reference.targets.forms.function_step import FunctionStep
from bn_reference.targets.forms.shapes import SHAPES
from bn_reference.targets.protocol import Grads

__all__ = [
    "BARE",
    "CHANNELS",
    "FAILED",
    "QUARTER",
    "Probe",
    "able",
    "depends_on_statistics",
    "distance",
    "first_working",
    "flags",
    "probe_case",
    "with_shape",
]

LENGTHS = {2: (4,), 3: (4, 10)}  # of the axes other than the channels'
CHANNELS = (3, 8, 16, 32, 64, 128)
FLAGS = (
    ("train", "test"),
    ("train", "eval"),
    ("training", "inference"),
    ("train", "inference"),
    ("training", "test"),
    ("training", "eval"),
    ("train", "infer"),
    ("train", "val"),
    (True, False),
)
BARE: dict[str, Any] = {"running_mean": None, "running_var": None, "batches": 0}
PATIENCE = 3.0  # seconds, with something that raises whatever it is given
FAILED = (Exception, SystemExit)
# Parts of an output. On the probes, means along other axes give one that is 0.147 away or more, and rounding in float32 one
# that is some 2^-20 away: what differs by less than TELLING is the same thing, and is handed over in the more usual way. Where
# even the nearest is FAR, as a doubled output is (1), the function is wrong, and its output says nothing of axes.
TELLING, FAR = 2.0**-7, 0.5
QUARTER = 0.25  # a momentum that is not its own complement


def probe_case(pair: Pair, channels: int, ndim: int, **changes: Any) -> Case:
    """A small batch of ordinary numbers."""
    rng = np.random.default_rng(7)
    n, *others = LENGTHS[ndim]
    shape = (n, channels, *others)

    def drawn(size: tuple[int, ...], dtype: Any) -> Array:
        return (np.round(rng.uniform(-2, 2, size) * 16) / 16).astype(dtype)

    vector = (channels,)
    case = Case(
        pair,
        drawn(shape, pair.input_dtype),
        drawn(shape, pair.input_dtype),
        drawn(vector, pair.parameter_dtype) + pair.parameter_dtype.type(3),
        drawn(vector, pair.parameter_dtype),
        drawn(vector, pair.parameter_dtype),
        np.abs(drawn(vector, pair.parameter_dtype)) + pair.parameter_dtype.type(0.5),
        batches=1,
        momentum=QUARTER,
    )
    return case.but(**changes) if changes else case


class Probe:
    """Calls of a function in a manner, each on a layer of its own."""

    def __init__(self, manner: Manner, channels: int = 3, pair: Pair = PAIRS[0], ndim: int = 2) -> None:
        self.manner, self.channels, self.pair, self.ndim = manner, channels, pair, ndim

    @property
    def trains(self) -> bool:
        """Whether a training step can be asked for; else an evaluation can."""
        return self.manner.told != "evaluates"

    @property
    def tracks(self) -> bool:
        """Whether it is given running statistics."""
        return "mean" in self.manner.arguments or "table" in self.manner.arguments

    def case(self, **changes: Any) -> Case:
        """A case that has what the function has arguments for."""
        arguments = self.manner.arguments
        absent: dict[str, Any] = {}
        if "weight" not in arguments:
            absent |= {"weight": None, "bias": None}
        if not self.tracks:
            absent |= BARE
        return probe_case(self.pair, self.channels, self.ndim, **{**absent, **changes})

    def run(self, training: bool, case: Case | None = None, layout: str = "contiguous") -> tuple[FunctionSession, FunctionStep]:
        """One forward pass; whatever the function raises is raised."""
        case = case or self.case()
        session = FunctionSession(self.manner, case, True, True)
        with np.errstate(all="ignore"):
            step = session.forward(place(case.x, layout), training=training)
        assert isinstance(step, FunctionStep)
        return session, step

    def y(self, training: bool, case: Case | None = None) -> Array:
        return self.run(training, case)[1].y

    def back(self, training: bool, layout: str = "contiguous") -> Grads:
        case = self.case()
        step = self.run(training, case)[1]
        with np.errstate(all="ignore"):
            return step.backward(place(case.grad_y, layout))

    def but(self, **changes: Any) -> Probe:
        """The same, in a manner that differs in something."""
        return Probe(replace(self.manner, **changes), self.channels, self.pair, self.ndim)

    def of(self, channels: int, pair: Pair, ndim: int) -> Probe:
        """The same, of other sizes."""
        return Probe(self.manner, channels, pair, ndim)


def able(ask: Callable[[], Any]) -> bool:
    """Whether it can be asked without an exception."""
    try:
        ask()
    except FAILED:
        return False
    return True


def first_working(manner: Manner, training: bool) -> Probe | BaseException:
    """Channels, dtypes and axes that it takes; the exception of the most usual ones where it takes none."""
    failed: BaseException | None = None
    until = time.monotonic() + PATIENCE
    for channels, pair, ndim in product(CHANNELS, PAIRS[:2], LENGTHS):
        found = with_shape(Probe(manner, channels, pair, ndim), training)
        if isinstance(found, Probe):
            return found
        failed = failed or found
        if time.monotonic() > until:
            break
    assert failed is not None
    return failed


def with_shape(probe: Probe, training: bool) -> Probe | BaseException:
    """The same with the axes with which it comes nearest to batch normalization, for its number of axes.

    The exception of the most usual axes where it takes none.
    """
    failed: BaseException | None = None
    found: list[tuple[float, Probe]] = []
    for shape in SHAPES[probe.ndim]:
        tried = probe.but(shapes={**probe.manner.shapes, probe.ndim: shape})
        try:
            case = tried.case()
            y = tried.y(training, case)
            if y.shape != case.x.shape:
                raise ValueError(f"y has shape {y.shape} for x of shape {case.x.shape}")
            guessed = probe.ndim > 2 and (shape.aligned or shape.arrangement.channels == "last")
            if not (guessed and training) or _pools(tried, case):
                found.append((distance(y, case, training), tried))
        except FAILED as error:
            failed = failed or error
    if not found:
        return failed or ValueError("it takes no batch")
    nearest = min(far for far, _ in found)
    near = nearest + TELLING if nearest < FAR else np.inf
    return next(tried for far, tried in found if far <= near)


def distance(y: Array, case: Case, training: bool) -> float:
    """How far an output is from batch normalization, as a part of it."""
    expected = (expect_training if training else expect_inference)(case).y
    right = from_matrix(leading(expected.value), case.x.shape)
    far = float(np.linalg.norm(y.astype(np.float64) - right) / np.linalg.norm(right))
    return far if np.isfinite(far) else np.inf


def _pools(probe: Probe, case: Case) -> bool:
    """Whether what stands in one position matters in another: a function of (N, C) alone would treat each by itself."""
    x = case.x.copy()
    x[:, :, 0] *= x.dtype.type(2)
    before, after = probe.y(True, case), probe.y(True, case.but(x=x))
    return not np.array_equal(before[:, :, 1:], after[:, :, 1:])


def flags(probe: Probe) -> Iterator[tuple[Any, Any]]:
    """The pairs of values that may tell it to train or not; those first that its own code names."""
    arguments = probe.manner.arguments
    if "training" in arguments or "evaluation" in arguments:
        yield (True, False) if "training" in arguments else (False, True)
        return
    constants = _constants(arguments.function)
    default = arguments.default("mode")
    known = [pair for pair in FLAGS if set(pair) <= constants] + [pair for pair in FLAGS if set(pair) & constants]
    if isinstance(default, bool):
        known = [(True, False)]
    yield from dict.fromkeys([*known, *FLAGS])


def _constants(function: Any) -> set[Any]:
    """The texts in its code."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    found: set[Any] = set()
    ahead = [code] if code is not None else []
    while ahead:
        for constant in ahead.pop().co_consts:
            if isinstance(constant, str):
                found.add(constant)
            elif inspect.iscode(constant):
                ahead.append(constant)
    return found


def depends_on_statistics(probe: Probe, training: bool) -> bool:
    """Whether y changes with the running statistics that it is given."""
    case = probe.case()
    assert case.running_mean is not None
    assert case.running_var is not None
    one = case.pair.parameter_dtype.type(1)
    other = case.but(running_mean=case.running_mean + one, running_var=case.running_var * 2 + one)
    return not np.array_equal(probe.y(training, case), probe.y(training, other))
