"""Correct layers whose sums, means or variances are computed otherwise; what comes after the statistics is in ``controls``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bn_reference.portrait.computes import COMPENSATED, MERGED, PAIRWISE, REVERSED, SEQUENTIAL, UPDATED
from bn_reference.power.clean import CleanBatchNorm1d, Statistics
from bn_reference.power.declaration import Controls

__all__ = ["SUMMATION"]

SUMMATION = Controls()

Array = npt.NDArray[Any]


@SUMMATION.control
class Clean(CleanBatchNorm1d):
    """Pairwise sums, two passes and the textbook's gradient are the clean layer itself."""


@SUMMATION.control
class TorchReductions(CleanBatchNorm1d):
    """Mean and biased variance come from the framework's own two-pass reductions."""

    computes = CleanBatchNorm1d.computes.but(order=None, accumulator=None, variance=None, squares=None)  # the framework's

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        return rows.mean(0)

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        return rows.var(0, unbiased=False) if m else mu

    def total(self, rows: Tensor) -> Tensor:
        return rows.sum(0)


@SUMMATION.control
class SequentialSums(CleanBatchNorm1d):
    """Every sum runs from the first row to the last, in the compute dtype."""

    computes = CleanBatchNorm1d.computes.but(order=SEQUENTIAL)

    def total(self, rows: Tensor) -> Tensor:
        partial = np.add.accumulate(rows.cpu().numpy(), axis=0)  # torch's cumsum would carry float32 sums in float64
        return torch.from_numpy(partial).to(rows.device)[-1:].sum(0)


@SUMMATION.control
class ReversedSums(SequentialSums):
    """Every sum runs from the last row to the first."""

    computes = CleanBatchNorm1d.computes.but(order=REVERSED)

    def total(self, rows: Tensor) -> Tensor:
        return super().total(rows.flip(0))


@SUMMATION.control
class CompensatedSums(CleanBatchNorm1d):
    """Every sum carries along what its additions lose (Kahan's idea, with Knuth's exact error of an addition)."""

    computes = CleanBatchNorm1d.computes.but(order=None, accumulator=COMPENSATED)

    def total(self, rows: Tensor) -> Tensor:
        lost = torch.zeros_like(rows)
        while len(rows) > 1:
            half = len(rows) // 2
            left, right = rows[:half], rows[half : 2 * half]
            grown = left + right
            from_left = grown - right
            errors = (left - from_left) + (right - (grown - from_left))
            lost = torch.cat([lost[:half] + lost[half : 2 * half] + errors, lost[2 * half :]])
            rows = torch.cat([grown, rows[2 * half :]])
        result, correction = rows.sum(0), lost.sum(0)
        return torch.where(correction.isfinite(), result + correction, result)


@SUMMATION.control
class Welford(CleanBatchNorm1d):
    """Mean and variance are updated together row by row (Welford 1962)."""

    computes = CleanBatchNorm1d.computes.but(order=None, variance=UPDATED, squares=None)

    def batch_statistics(self, batch: Tensor) -> Statistics:
        rows, m = self.to_rows(batch).cpu().numpy(), self.count(batch)  # NumPy: a loop of small steps is faster there
        mean = np.zeros_like(rows, shape=rows.shape[1:])
        squares = np.zeros_like(mean)
        with np.errstate(all="ignore"):
            for k, row in enumerate(rows, start=1):
                before = row - mean
                mean = mean + before / k
                squares = squares + before * (row - mean)
        return torch.from_numpy(mean).to(batch.device), torch.from_numpy(squares).to(batch.device) / m


@SUMMATION.control
class ChanMerges(CleanBatchNorm1d):
    """Halves of the batch are merged, mean with mean and squares with squares (Chan, Golub and LeVeque 1979)."""

    computes = CleanBatchNorm1d.computes.but(order=PAIRWISE, variance=MERGED, squares=None)

    def batch_statistics(self, batch: Tensor) -> Statistics:
        rows, m = self.to_rows(batch).cpu().numpy(), self.count(batch)  # NumPy, as for Welford
        with np.errstate(all="ignore"):
            mean, squares = self._moments(rows)
        return torch.from_numpy(mean).to(batch.device), torch.from_numpy(squares).to(batch.device) / m

    def _moments(self, rows: Array) -> tuple[Array, Array]:
        m = len(rows)
        if m <= 1:
            return rows.sum(axis=0), np.zeros_like(rows, shape=rows.shape[1:])
        left, right = m // 2, m - m // 2
        mean_left, squares_left = self._moments(rows[:left])
        mean_right, squares_right = self._moments(rows[left:])
        apart = mean_right - mean_left
        return mean_left + apart * (right / m), (squares_left + squares_right) + apart**2 * (left * right / m)
