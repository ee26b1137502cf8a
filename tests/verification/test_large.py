"""Large cases in a verdict: what only size shows is seen, told with the size, and no slow target is ended for it."""

import time
from typing import Any, ClassVar

import pytest
import torch

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.oracle.keeping import forget
from bn_reference.oracle.step import expect_training
from bn_reference.properties import PROPERTIES
from bn_reference.reports.results import Result
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

FLOAT32 = PAIRS[0]
OUTPUT = next(property for property in PROPERTIES if property.name == "output_is_the_normalized_batch")
ENOUGH = 25  # examples from which on cases have 2^15 rows


def rows_of(x: torch.Tensor) -> int:
    return x.numel() // x.shape[1]


class WideInHalf(torch.nn.BatchNorm1d):
    """float16 inside where there are more than 300 channels."""

    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x.half().float() if x.shape[1] > 300 else x)


class LosesItsLastRow(torch.nn.BatchNorm1d):
    """The last row is not seen where there are more than 2^15."""

    def forward(self, x: torch.Tensor) -> Any:
        if rows_of(x) > 2**15:
            x = x.clone()
            x[-1, ..., -1 if x.dim() == 3 else slice(None)] = 0.0
        return super().forward(x)


class Slow(torch.nn.BatchNorm1d):
    """A row takes a tenth of a millisecond, as where Python goes through them."""

    def forward(self, x: torch.Tensor) -> Any:
        time.sleep(1e-4 * rows_of(x) if rows_of(x) > 2**13 else 0.0)
        return super().forward(x)


class Squares(torch.nn.BatchNorm1d):
    """Needs a matrix of rows by rows."""

    def forward(self, x: torch.Tensor) -> Any:
        if rows_of(x) > 2**13:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8589934592 bytes")
        return super().forward(x)


def verdict(layer: type[torch.nn.Module], timeout: float = 10.0) -> Result:
    return Judge(TorchImplementation(layer, layer.__name__), Budget(ENOUGH, timeout=timeout)).check(OUTPUT, FLOAT32)


def test_half_precision_in_wide_layers_is_told_with_the_width() -> None:
    violation = verdict(WideInHalf).violation

    assert violation is not None
    assert violation.case is not None
    assert violation.case.channels == 301
    assert violation.message.endswith("; with 300 channels it holds")


def test_a_row_lost_in_tall_batches_is_told_with_the_height_and_a_script_that_is_short() -> None:
    violation = verdict(LosesItsLastRow).violation

    assert violation is not None
    assert violation.case is not None
    assert violation.case.x.shape == (2**15 + 1, 1)
    assert violation.message.endswith("; with 32,768 rows it holds")
    assert "torch.zeros(32769" in violation.reproducer
    assert len(violation.reproducer) + len(repr(violation.case)) < 6000


class Quadratic(torch.nn.BatchNorm1d):
    """Takes as long as a matrix of rows by rows does, and says how many it was asked for."""

    asked: ClassVar[list[int]] = []

    def forward(self, x: torch.Tensor) -> Any:
        self.asked.append(rows_of(x))
        time.sleep(2e-9 * rows_of(x) ** 2 if rows_of(x) > 2**13 else 0.0)
        return super().forward(x)


def test_a_target_of_quadratic_cost_is_not_asked_for_more_than_it_can_give() -> None:
    assert verdict(Quadratic, timeout=2.0).status == "passed"

    assert 2**13 < max(Quadratic.asked) < 2**15  # 2.1 s; in proportion to the numbers 0.6 s would be foreseen


@pytest.mark.parametrize(("layer", "timeout", "why"), [(Slow, 1.0, "take more than 1 s"), (Squares, 10.0, "too much memory")])
def test_what_is_too_large_for_a_target_breaks_no_rule(layer: type[torch.nn.Module], timeout: float, why: str) -> None:
    result = verdict(layer, timeout)

    assert result.status == "passed"
    assert result.largest[0] < 2**15
    assert any(why in reason for reason in result.refused)


def test_nothing_is_kept_of_a_large_case() -> None:
    forget()
    assert verdict(torch.nn.BatchNorm1d).largest[0] > 2**15

    assert expect_training._large.cache_info().currsize == 0


def test_resolution_and_ratio_of_a_direct_rule_are_told_by_the_power_of_ten_of_the_rows() -> None:
    result = verdict(torch.nn.BatchNorm1d)
    by_rows = result.resolution_by_rows

    assert list(by_rows) == sorted(by_rows) == list(result.ratio_by_rows)
    assert by_rows[100_000] > by_rows[10]
    assert max(result.ratio_by_rows.values()) == result.worst_ratio
    assert len(set(result.ratio_by_rows.values())) == len(result.ratio_by_rows)
