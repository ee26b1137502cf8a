"""How the cost of verification grows: a check with rows and channels, a verification with examples, properties and batches.

Seconds are of one process on one thread; what matters is the exponent with which they grow.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import log

import numpy as np

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.benchmarks.clocks import CpuClock
from bn_reference.benchmarks.workload import workload
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import place
from bn_reference.oracle.compare import within
from bn_reference.oracle.keeping import forget
from bn_reference.oracle.step import expect_sequence, expect_training
from bn_reference.properties import PROPERTIES
from bn_reference.properties.trial import Observation
from bn_reference.targets import TORCH
from bn_reference.targets.recognition import load_target
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

__all__ = ["CURVES", "UPPER", "Curve"]

REPEATS = 5  # of which the median is taken
ROWS = tuple(2**power for power in range(4, 17, 2))  # of 16 channels
CHANNELS = ROWS  # with 16 rows
EXAMPLES = (10, 20, 50, 100, 200, 500)
NUMBERS = (1, 2, 5, 10, 20, len(PROPERTIES))
LENGTHS = (1, 2, 4, 8, 16, 32, 64)
UPPER = 3  # points at the end of a curve, where its exponent is read


@dataclass(frozen=True)
class Curve:
    """Seconds against a size: ``label`` tells curves of one figure apart."""

    against: str
    label: str
    points: tuple[tuple[int, float], ...]

    @property
    def exponent(self) -> float:
        """The slope between logarithms over the last points: 1 where twice the size takes twice as long."""
        sizes, seconds = zip(*self.points[-UPPER:], strict=True)
        return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])

    @property
    def doubling(self) -> float:
        """By what the last doubling of the size multiplied the seconds."""
        (small, before), (large, after) = self.points[-2:]
        return float((after / before) ** (log(2) / log(large / small)))


def check_against_rows() -> Iterator[Curve]:
    """One check of a training step against the rows of a batch."""
    for dtype in ("float32", "float64"):
        yield Curve("rows, of 16 channels", dtype, tuple((m, _check_seconds((m, 16), dtype)) for m in ROWS))


def check_against_channels() -> Iterator[Curve]:
    """One check of a training step against the channels of a batch."""
    for dtype in ("float32", "float64"):
        yield Curve("channels, of 16 rows", dtype, tuple((c, _check_seconds((16, c), dtype)) for c in CHANNELS))


def verification_against_examples() -> Iterator[Curve]:
    """All properties in one pair of dtypes against the number of examples."""
    for pair in (PAIRS[0], PAIRS[1]):
        yield Curve("examples", pair.input, tuple((n, _verification_seconds(pair, n, len(PROPERTIES))) for n in EXAMPLES))


def verification_against_properties() -> Iterator[Curve]:
    """A hundred examples in one pair of dtypes against the number of properties, in the order of the report."""
    for pair in (PAIRS[0], PAIRS[1]):
        yield Curve("properties", pair.input, tuple((n, _verification_seconds(pair, 100, n)) for n in NUMBERS))


def sequence_against_length() -> Iterator[Curve]:
    """A sequence of batches through one layer, and what the oracle expects of the state after it, against its length."""
    for dtype in ("float32", "float64"):
        case = workload((64, 16), dtype, "contiguous", 0)
        yield Curve("batches in a sequence", dtype, tuple((n, _sequence_seconds(case, n)) for n in LENGTHS))


CURVES: tuple[Callable[[], Iterator[Curve]], ...] = (
    check_against_rows,
    check_against_channels,
    verification_against_examples,
    verification_against_properties,
    sequence_against_length,
)


def _check_seconds(shape: tuple[int, ...], dtype: str) -> float:
    case = workload(shape, dtype, "contiguous", 0)
    seen = Observation(load_target(TORCH), case, True)
    assert seen.state is not None  # each is asked for when it is first read, and not while the check is timed
    assert seen.grads is not None
    return _median_seconds(lambda number: _check(case, seen))


def _check(case: Case, seen: Observation) -> None:
    expected = expect_training(case)
    compared = (
        within("y", seen.y, expected.y),
        within("running_mean", seen.state.mean, expected.state.mean),
        within("running_var", seen.state.var, expected.state.var),
        within("grad_x", seen.grads.x, expected.grad_x),
        within("grad_weight", seen.grads.weight, expected.grad_weight),
        within("grad_bias", seen.grads.bias, expected.grad_bias),
    )
    assert all(comparison.holds for comparison in compared), next(c for c in compared if not c.holds)


def _verification_seconds(pair: Pair, examples: int, properties: int) -> float:
    def verify(number: int) -> None:
        # other seeds, as cases and what the oracle says of them are kept
        judge = Judge(load_target(TORCH), Budget(examples, seed=1000 * examples + 10 * properties + number))
        results = judge.check_together(PROPERTIES[:properties], pair)
        assert all(result.status != "violated" for result in results)

    return _median_seconds(verify, repeats=3)


def _sequence_seconds(case: Case, length: int) -> float:
    rng = np.random.default_rng(length)
    batches = tuple(rng.standard_normal(case.x.shape).astype(case.x.dtype) for _ in range(length))

    def run(number: int) -> None:
        session = load_target(TORCH).open(case)
        for batch in batches:
            session.forward(place(batch, "contiguous"), training=True, record=False)
        state, expected = session.state(), expect_sequence(case, batches)
        assert within("running_mean", state.mean, expected.mean).holds
        assert within("running_var", state.var, expected.var).holds

    return _median_seconds(run)


def _median_seconds(action: Callable[[int], None], repeats: int = REPEATS) -> float:
    """Of several runs, each with its number; before each, what the oracle kept of earlier ones is let go."""
    gc.collect()
    seconds = []
    with np.errstate(all="ignore"):
        for number in range(repeats):
            forget()
            seconds.append(CpuClock().seconds(partial(action, number), 1))
    return statistics.median(seconds)
