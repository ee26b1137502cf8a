"""How near the NumPy reference comes to torch, and how near NumPy itself could: ``pytest -n 0 --benchmark-only`` on this file.

NumPy has no call that does two of a layer's operations at once, so a pass costs at least one call an operation. The roofline
is the time of these calls alone, in the layer's order and blocks, on arrays of the batch's size: no arguments are checked, no
vectors are spread over rows, and no sums are gathered.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bn_reference.benchmarks.clocks import CpuClock
from bn_reference.benchmarks.heap import keep_freed_memory
from bn_reference.benchmarks.operations import BACKWARD, TRAIN
from bn_reference.benchmarks.sampling import OPERATION, RIVAL, SERIES, Samples, Series, alternate
from bn_reference.benchmarks.work import work_of
from bn_reference.benchmarks.workload import workload
from bn_reference.reference.blocks import BLOCK, ROW
from bn_reference.support.threads import on_threads
from bn_reference.targets import REFERENCE, TORCH
from bn_reference.targets.recognition import load_target

LEAST = "least"  # the calls alone

# 1, 4, 16 and 64 MB of (N, C), and 1, 16 and 64 MB of (N, C, L)
SHAPES = ((4096, 64), (16384, 64), (65536, 64), (262144, 64), (16, 64, 256), (256, 64, 256), (1024, 64, 256))


def least_calls(operation: str, elements: int) -> Callable[[], None]:
    """The NumPy calls that no layer can leave out, for a batch of so many elements; what a layer returns is new memory."""
    rng = np.random.default_rng(0)
    x, dy, centred = rng.standard_normal((3, elements // ROW, ROW), np.float32)
    row, sums = rng.standard_normal((2, ROW), np.float32)

    def by_block(*arrays: np.ndarray) -> Iterator[list[np.ndarray]]:
        together = BLOCK // ROW
        return ([array[first : first + together] for array in arrays] for first in range(0, elements // ROW, together))

    def forward() -> None:
        y = np.empty_like(x)
        for (block,) in by_block(x):
            np.add.reduce(block, axis=0, out=sums)  # of the mean
        for block, out in by_block(x, centred):
            np.subtract(block, row, out=out)
            np.einsum("ij,ij->j", out, out, out=sums)  # of the variance
        for block, out in by_block(centred, y):
            np.multiply(block, row, out=out)
            np.add(out, row, out=out)

    def both() -> None:
        forward()
        dx = np.empty_like(dy)
        for block, deviations in by_block(dy, centred):
            np.add.reduce(block, axis=0, out=sums)  # of dy
            np.einsum("ij,ij->j", block, deviations, out=sums)  # of dy (x - mu)
        for block, deviations, out in by_block(dy, centred, dx):
            np.multiply(deviations, row, out=out)
            np.subtract(block, out, out=out)
            np.subtract(out, row, out=out)
            np.multiply(out, row, out=out)

    return both if operation == BACKWARD else forward


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with on_threads(1):
        yield


@pytest.mark.parametrize("operation", [TRAIN, BACKWARD])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_reference_beside_torch(benchmark: BenchmarkFixture, shape: tuple[int, ...], operation: str) -> None:
    keep_freed_memory()
    case = workload(shape, "float32", "contiguous", 0)
    taken: list[Series] = []

    def series() -> None:
        reference, torchs = (work_of(load_target(target), case, operation).run for target in (REFERENCE, TORCH))
        actions = {OPERATION: reference, RIVAL: torchs, LEAST: least_calls(operation, case.x.size)}
        taken.append(alternate(actions, CpuClock(), "warm", 0.2))

    benchmark.pedantic(series, rounds=SERIES[-1])
    samples = Samples(tuple(taken))
    benchmark.extra_info["reference / torch"] = 1 / samples.fraction(RIVAL)
    benchmark.extra_info["NumPy's least calls / torch"] = samples.fraction(LEAST) / samples.fraction(RIVAL)
    benchmark.extra_info["reference / NumPy's least calls"] = 1 / samples.fraction(LEAST)
