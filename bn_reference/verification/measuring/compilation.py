"""Whether a target compiles for each shape: the first call of one is then much dearer than the second.

Time tells this, and it alone: so a call has to take many times as long, in three shapes of three. It is the time of the
processor, which no other process takes, unless what compiles is another process, and takes long.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import place
from bn_reference.targets.protocol import Implementation, Misbehaviour, Unsupported
from bn_reference.verification.measuring.steps import plain_case

__all__ = ["compiles_by_shape"]

SAMPLES = (3, 8, 2, 4)  # the first calls load what is loaded once
DEARER = 8.0  # times: compiling takes a hundred times as long, reading compiled code from a disk ten times
LEAST = 0.02  # seconds of the processor that a compilation takes
LONG = 0.5  # seconds by the clock that no busy machine puts on three first calls alone


def compiles_by_shape(implementation: Implementation) -> bool:
    """Whether the first call of a shape is much dearer than its second, on a fresh layer each."""
    try:
        pair = next(pair for pair in PAIRS if implementation.domain.takes_pair(pair) and implementation.supports(pair))
        plain = plain_case(implementation, pair)
        return all(_is_dearer(implementation, case, number) for number, case in enumerate(_of_sizes(plain)))
    except (StopIteration, Unsupported, Misbehaviour):
        return False


def _of_sizes(case: Case) -> Iterator[Case]:
    for samples in SAMPLES:
        x = np.resize(case.x, (samples, *case.x.shape[1:]))
        yield case.but(x=x, grad_y=x)


def _is_dearer(implementation: Implementation, case: Case, number: int) -> bool:
    first, second = (_cost(implementation, case) for _ in range(2))
    by_processor = first[0] > LEAST and first[0] > DEARER * second[0]
    return number == 0 or by_processor or (first[1] > LONG and first[1] > DEARER * second[1])


def _cost(implementation: Implementation, case: Case) -> tuple[float, float]:
    """Seconds of a training step, of the processor and by the clock."""
    processor, clock = time.process_time(), time.perf_counter()
    implementation.open(case).forward(place(case.x, case.layout), training=True)
    return time.process_time() - processor, time.perf_counter() - clock
