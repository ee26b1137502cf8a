"""What pytest-benchmark's tables call their unit."""

from collections.abc import Sequence
from typing import Any

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_benchmark_scale_unit(unit: str, benchmarks: Sequence[Any]) -> tuple[str, float] | None:
    """Copies, where a clock counted those; else None, which leaves it to the plugin."""
    if unit == "seconds" and all(benchmark["options"]["timer"] == "copies" for benchmark in benchmarks):
        return "copies instead of second", 1.0
    return None
