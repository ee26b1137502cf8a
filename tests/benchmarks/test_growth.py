"""How cost grows: the exponent of each curve, and by what a last doubling of the size multiplies it; 1 and 2 are linear."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bn_reference.benchmarks.growth import CURVES, Curve


@pytest.mark.parametrize("measure", CURVES, ids=lambda measure: measure.__name__)
def test_growth(benchmark: BenchmarkFixture, measure: object) -> None:
    curves: list[Curve] = benchmark.pedantic(lambda: list(measure()), rounds=1)  # type: ignore[operator]
    for curve in curves:
        assert all(seconds > 0 for _, seconds in curve.points)
        benchmark.extra_info[f"exponent, {curve.label}"] = curve.exponent
        benchmark.extra_info[f"last doubling, {curve.label}"] = curve.doubling
