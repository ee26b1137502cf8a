"""How near the NumPy reference comes to torch, and how near NumPy itself could: ``pytest -n 0 --benchmark-only`` on this file.

NumPy has no call that does two of a layer's operations at once, so a pass costs at least one call an operation. The roofline
is the time of these calls alone, each on a block that is in the cache already, as often as a batch has blocks.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bn_reference.benchmarks.clocks import CpuClock
from bn_reference.benchmarks.contestants import REFERENCE, TORCH
from bn_reference.benchmarks.heap import keep_freed_memory
from bn_reference.benchmarks.operations import BACKWARD, TRAIN
from bn_reference.benchmarks.sampling import OPERATION, RIVAL, SERIES, Samples, Series, alternate
from bn_reference.benchmarks.work import work_of
from bn_reference.benchmarks.workload import workload
from bn_reference.blocks import BLOCK, ROW
from bn_reference.implementations.loading import load_target
from bn_reference.mnist.learning import on_threads

LEAST = "least"  # the calls alone, on as many blocks as the batch has

# 1, 4, 16 and 64 MB of (N, C), and 1, 16 and 64 MB of (N, C, L)
SHAPES = ((4096, 64), (16384, 64), (65536, 64), (262144, 64), (16, 64, 256), (256, 64, 256), (1024, 64, 256))


def least_calls(operation: str) -> Callable[[], None]:
    """The NumPy calls that no layer can leave out, once, on one block."""
    rng = np.random.default_rng(0)
    x, dy, centred, out = rng.standard_normal((4, BLOCK // ROW, ROW), np.float32)
    row, sums = rng.standard_normal((2, ROW), np.float32)

    def forward() -> None:
        np.add.reduce(x, axis=0, out=sums)  # of the mean
        np.subtract(x, row, out=centred)
        np.einsum("ij,ij->j", centred, centred, out=sums)  # of the variance
        np.multiply(centred, row, out=out)
        np.add(out, row, out=out)

    def both() -> None:
        forward()
        np.add.reduce(dy, axis=0, out=sums)  # of dy
        np.einsum("ij,ij->j", dy, centred, out=sums)  # of dy (x - mu)
        np.multiply(centred, row, out=out)
        np.subtract(dy, out, out=out)
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
    blocks, taken = case.x.size / BLOCK, list[Series]()

    def series() -> None:
        reference, torchs = (work_of(load_target(target), case, operation).run for target in (REFERENCE, TORCH))
        actions = {OPERATION: reference, RIVAL: torchs, LEAST: least_calls(operation)}
        taken.append(alternate(actions, CpuClock(), "warm", 0.2))

    benchmark.pedantic(series, rounds=SERIES[-1])
    samples = Samples(tuple(taken))
    benchmark.extra_info["reference / torch"] = 1 / samples.fraction(RIVAL)
    benchmark.extra_info["NumPy's least calls / torch"] = blocks * samples.fraction(LEAST) / samples.fraction(RIVAL)
    benchmark.extra_info["reference / NumPy's least calls"] = 1 / (blocks * samples.fraction(LEAST))
