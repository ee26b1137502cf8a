"""The instruments that tell how cost grows and where time goes say what is so."""

import sys

import pytest

from bn_reference.benchmarks.growth import Curve
from bn_reference.benchmarks.shares import sampled, work_of


@pytest.mark.parametrize("power", [0, 1, 2])
def test_the_exponent_of_a_power_is_the_power(power: int) -> None:
    curve = Curve("size", "float32", tuple((size, 3.0 * size**power) for size in (1, 4, 16, 64)))

    assert round(curve.exponent, 9) == power
    assert round(curve.doubling, 9) == 2**power


def test_what_no_file_of_the_package_runs_is_charged_to_nobody() -> None:
    assert work_of(sys._getframe()) == "other"


def test_time_in_the_package_is_charged_to_it() -> None:
    from bn_reference.benchmarks.workload import workload
    from bn_reference.oracle.keeping import forget
    from bn_reference.oracle.step import expect_training

    case = workload((512, 64), "float64", "contiguous", 0)
    with sampled() as samples:
        for _ in range(20):
            forget()
            _ = expect_training(case).grad_x

    assert samples.most_common(1)[0][0] == "oracle and bound"
