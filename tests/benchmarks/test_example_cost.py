"""What an example costs, everything included, in units of one training step of torch's layer timed in the same run."""

import statistics
from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.benchmarks.clocks import CpuClock
from bn_reference.properties import FAMILIES, PROPERTIES
from bn_reference.targets import TORCH
from bn_reference.targets.recognition import load_target
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

CLOCK = CpuClock()
EXAMPLES = 100


def training_step() -> Callable[[], object]:
    """Forward and backward of torch's layer on (64, 64) float32."""
    layer = torch.nn.BatchNorm1d(64)
    x = torch.randn(64, 64, requires_grad=True)
    grad_y = torch.randn(64, 64)
    return lambda: layer(x).backward(grad_y)


def example_seconds(judge: Judge, pair: Pair, family: str) -> float:
    """Seconds for one example of one property: generation, target, oracle, bound and comparison."""
    properties = [property for property in PROPERTIES if property.family == family]
    return CLOCK.seconds(lambda: judge.check_together(properties, pair), 1) / (EXAMPLES * len(properties))


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_cost_of_a_default_example(benchmark: BenchmarkFixture, pair: Pair) -> None:
    judge = Judge(load_target(TORCH), Budget(EXAMPLES))
    step, steps, examples = training_step(), [], []

    def measure() -> None:
        for family in FAMILIES:  # in alternation, so that both meet the same machine
            examples.append(example_seconds(judge, pair, family))
            steps.extend(CLOCK.seconds(step, 1) for _ in range(200))

    benchmark.pedantic(measure, rounds=1)
    benchmark.extra_info["training steps an example, median over families"] = statistics.median(examples) / statistics.median(
        steps
    )
    benchmark.extra_info["microseconds of a training step"] = 1e6 * statistics.median(steps)
