"""Mutants of upstream gradients that are next to nothing: subnormal, of squares that vanish, or zero in some rows."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved
from bn_reference.power.declaration import Family, issue
from bn_reference.power.mutants.lives import GRAD_X

__all__ = ["FAINT"]

FAINT = Family()
mutant = FAINT.mutant

MENDED = "what_flows_back_is_not_mended"
VANISHED, SQUARED = issue("tinygrad/tinygrad", 12296), issue("deeplearning4j/deeplearning4j", 6539)


@mutant(VANISHED, MENDED, GRAD_X)
class SubnormalUpstreamIsZero(CleanBatchNorm1d):
    """Upstream gradients that are subnormal in their format flow back as zeros."""

    def upstream_to_rows(self, grad_y: Tensor) -> Tensor:
        rows = super().upstream_to_rows(grad_y)
        return torch.where(rows.abs() < torch.finfo(grad_y.dtype).tiny, 0 * rows, rows)


@mutant(VANISHED, MENDED, GRAD_X)
class NothingMuchIsNothing(CleanBatchNorm1d):
    """A backward pass from an upstream gradient that is nowhere above 1e-30, or 1e-6 of float16, gives zeros."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        least = 1e-6 if grad_y.dtype == torch.float16 else 1e-30
        return super().gradients(grad_y if bool((grad_y.abs() > least).any()) else torch.zeros_like(grad_y), saved)


@mutant(SQUARED, MENDED, GRAD_X)
class DirectionTimesNorm(CleanBatchNorm1d):
    """The upstream gradient is divided by its norm, whose squares may vanish, and the gradients multiplied by it."""

    def upstream_to_rows(self, grad_y: Tensor) -> Tensor:
        rows = super().upstream_to_rows(grad_y)
        norm = torch.sqrt(self.total(rows * rows))
        return torch.where(norm > 0, rows, 0 * rows)


@mutant(SQUARED, GRAD_X)
class RowsOfZeroArePadding(CleanBatchNorm1d):
    """Rows into which no gradient flows are not counted in the means of the backward pass."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        m = max(int((dy != 0).any(1).sum()), 1)
        centred = dy - self.total(dy) / m
        return saved.gamma / saved.sigma * (centred - saved.x_hat * (self.total(dy * saved.x_hat) / m))
