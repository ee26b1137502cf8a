"""A target that compiles for each shape is told by its first calls, has few shapes, and may take its time for each."""

import time
from typing import Any

import numpy as np
import pytest

from bn_reference import Functional, verify
from bn_reference.cases.palette import BRIEF, PROFILED
from bn_reference.targets.protocol import Implementation
from bn_reference.targets.watched import Watched
from bn_reference.verification.measuring.compilation import compiles_by_shape


def busy(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


class Plain(Functional):
    """A right layer."""

    dtypes, dimensions, affine, tracks = ("float32",), (2, 3), (True,), (True,)

    def forward(self, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, eps: float, momentum: float) -> Any:
        axes, row = tuple(axis for axis in range(x.ndim) if axis != 1), (1, -1) + (1,) * (x.ndim - 2)
        of_batch = x.mean(axes), x.var(axes)
        n = x.size / x.shape[1]
        m, v = of_batch if training else (mean, var)
        y = (x - m.reshape(row)) / np.sqrt(v + np.float32(eps)).reshape(row) * weight.reshape(row) + bias.reshape(row)
        if not training:
            return y, mean, var
        if n < 2:
            raise ValueError("one value a channel")
        f = np.float32(momentum)
        return y, (1 - f) * mean + f * of_batch[0], (1 - f) * var + f * of_batch[1] * np.float32(n / (n - 1))


class Compiled(Plain):
    """The same, busy for some time with each shape that it has not seen."""

    seconds = 0.05

    def __init__(self) -> None:
        self.shapes: set[tuple[Any, ...]] = set()

    def forward(self, x: Any, *rest: Any) -> Any:
        if (x.shape, rest[4]) not in self.shapes:
            busy(self.seconds)
            self.shapes.add((x.shape, rest[4]))
        return super().forward(x, *rest)


class Slow(Plain):
    """Busy in each call."""

    def forward(self, x: Any, *rest: Any) -> Any:
        busy(0.05)
        return super().forward(x, *rest)


class Late(Compiled):
    """Busy with one shape for longer than an example may take."""

    def forward(self, x: Any, *rest: Any) -> Any:
        self.seconds = 1.5 if x.shape == PROFILED[0] else 0.05
        return super().forward(x, *rest)


@pytest.mark.parametrize(("kind", "compiles"), [(Compiled, True), (Plain, False), (Slow, False)])
def test_what_compiles_is_told_by_its_first_calls(kind: type[Implementation], compiles: bool) -> None:
    target = kind()
    target.name = "it"

    assert compiles_by_shape(Watched(target)) == compiles


def test_a_target_that_compiles_has_few_shapes_and_is_said_to() -> None:
    target = Compiled()
    report = verify(target, dtypes=["float32"], properties=["output_is_the_normalized_batch"], examples=30)

    assert report.results[0].status == "passed"
    assert report.capabilities["domain"]["palette"]
    assert {shape for shape, _ in target.shapes} >= {*BRIEF, *PROFILED}
    assert len(target.shapes) < 40


def test_the_time_of_a_compilation_is_not_that_of_an_example() -> None:
    report = verify(Late(), dtypes=["float32"], properties=["output_is_the_normalized_batch"], examples=20, timeout=1.0)

    assert report.results[0].status == "passed"


def test_a_target_that_is_slow_each_time_is_late() -> None:
    class LateEachTime(Plain):
        def forward(self, x: Any, *rest: Any) -> Any:
            busy(1.5 if x.shape[0] > 100 else 0.0)
            return super().forward(x, *rest)

    report = verify(LateEachTime(), dtypes=["float32"], properties=["output_is_the_normalized_batch"], timeout=1.0)

    assert report.results[0].message.startswith("an example did not come to an end within 1 s")
