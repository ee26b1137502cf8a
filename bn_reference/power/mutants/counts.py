"""Mutants of how many there are: padding and tails, blocks that are merged, samples of rows, counts in narrow formats."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Statistics
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.mutants.lives import MEAN, OUTPUT, VARIANCE

__all__ = ["COUNTS"]

COUNTS = Family()
mutant = COUNTS.mutant

COUNTER = "the_counter_counts_training_batches"
PADDED, BLOCK = 8, 64  # rows that are taken at a time, and that are summed by one block
MANY, MOST = 1024, 2**16 - 1
STANDS_STILL = 2048  # where a count in half precision has no odd numbers any more
NARROW = pull("tinygrad/tinygrad", 15018)  # a counter in the narrowest dtype that there is


@mutant(issue("triton-lang/triton", 9838), OUTPUT)
class PaddingInTheVariance(CleanBatchNorm1d):
    """Rows are filled up with zeros to a multiple of eight, and the distance of these to the mean is in the variance."""

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        return super().batch_variance(rows, mu, m) + (-m % PADDED) * mu**2 / max(m, 1)


@mutant(issue("NVIDIA/apex", 1768), MEAN)
class LastRowReadAgain(CleanBatchNorm1d):
    """Where rows fill no block of eight the index stops at the last one, which is added as often as rows are missing."""

    def total(self, rows: Tensor) -> Tensor:
        missing = -len(rows) % PADDED if len(rows) else 0
        return super().total(torch.cat([rows, *[rows[-1:]] * missing]))


@mutant(issue("tensorflow/tpu", 321), OUTPUT)
class VariancesAveraged(CleanBatchNorm1d):
    """The variances of blocks of 64 rows are averaged, without how far their means lie apart."""

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        blocks = rows.split(BLOCK)
        inside = [super(VariancesAveraged, self).batch_variance(part, self.batch_mean(part, len(part)), 1) for part in blocks]
        return torch.stack(inside).sum(0) / max(m, 1)


@mutant(issue("keras-team/keras", 15790), OUTPUT)
class HalvesOfManyByThemselves(CleanBatchNorm1d):
    """Of more than 1,024 rows each half is normalized with its own mean and variance; the running statistics are of all."""

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        if len(rows) <= MANY or not self.chooses_batch_statistics():
            return super().normalize(rows, mu, sigma)
        return torch.cat([self._by_itself(half) for half in rows.chunk(2)])

    def _by_itself(self, rows: Tensor) -> Tensor:
        mu = self.batch_mean(rows, len(rows))
        return super().normalize(rows, mu, self.deviation(self.batch_variance(rows, mu, len(rows))))


@mutant(pull("ROCm/MIOpen", 916), OUTPUT)
class EveryOtherRowOfMany(CleanBatchNorm1d):
    """Of more than 1,024 rows every second one is in the statistics, as if that were enough."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        rows = self.to_rows(batch)
        rows = rows[::2] if len(rows) > MANY else rows
        mu = self.batch_mean(rows, len(rows))
        return mu, self.batch_variance(rows, mu, len(rows))


@mutant(issue("pytorch/pytorch", 70901), MEAN)
class CountThatStandsStill(CleanBatchNorm1d):
    """The mean is updated row by row, with a count in half precision, in which 2,048 and one are 2,048."""

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        if m <= STANDS_STILL:
            return super().batch_mean(rows, m)
        mu, keeps = super().batch_mean(rows[:STANDS_STILL], STANDS_STILL), 1 - 1 / STANDS_STILL
        ages = torch.arange(m - STANDS_STILL, dtype=rows.dtype, device=rows.device).flip(0)
        late = self.total(rows[STANDS_STILL:] * keeps ** ages[:, None]) / STANDS_STILL
        return keeps ** (m - STANDS_STILL) * mu + late


@mutant(issue("pytorch/pytorch", 44350), OUTPUT)
class CountWithASign(CleanBatchNorm1d):
    """The number of rows by which sums are divided has sixteen bits and a sign: from 32,768 on it is negative."""

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        return super().batch_mean(rows, (m + 2**15) % 2**16 - 2**15)


@mutant(pull("tensorflow/tensorflow", 30230), VARIANCE)
class BesselsFactorInHalf(CleanBatchNorm1d):
    """The factor n / (n - 1) is computed in half precision, and where n is infinite there it is no number."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        count = torch.tensor(float(m), device=var.device).half()
        return var * (count / (count - 1)).to(var.dtype)


@mutant(NARROW, COUNTER)
class BatchesInAByte(CleanBatchNorm1d):
    """The number of batches has eight bits, and begins again after 255."""

    def count_batch(self, batch: Tensor) -> None:
        super().count_batch(batch)
        self.num_batches_tracked.remainder_(256)


@mutant(NARROW, MEAN)
class CumulativeCountInBfloat16(CleanBatchNorm1d):
    """Without momentum a batch weighs one over a number of batches in bfloat16, which has no 257."""

    def momentum_factor(self) -> float:
        if self.momentum is not None:
            return self.momentum
        return 1.0 / float(self.num_batches_tracked.to(torch.bfloat16))


@mutant(issue("chainer/chainer", 1091), MEAN)
class CumulativeCountOfBefore(CleanBatchNorm1d):
    """Without momentum a batch weighs one over the number of batches before it, where there were any."""

    def momentum_factor(self) -> float:
        return 1.0 / max(int(self.num_batches_tracked) - 1, 1) if self.momentum is None else self.momentum


@mutant(issue("pytorch/pytorch", 16998), OUTPUT)
class RowsBeyondTheGrid(CleanBatchNorm1d):
    """A grid has 65,535 blocks, one a row: the rows beyond have outputs of zero."""

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        return super().from_rows(torch.cat([rows[:MOST], torch.zeros_like(rows[MOST:])]), shape, dtype)
