"""Mutants of kernels: a deviation taken for a variance, sums over too few or too many, reciprocals that are rounded."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved, Statistics
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.mutants.lives import EVALUATION, GRAD_WEIGHT, GRAD_X, MEAN, OUTPUT, VARIANCE

__all__ = ["KERNELS"]

KERNELS = Family()
mutant = KERNELS.mutant

BLOCK = 128  # rows that a kernel for channels beside each other takes at a time


@mutant(issue("ROCm/rocm-libraries", 2459), EVALUATION)
class InverseDeviationTakenForTheVariance(CleanBatchNorm1d):
    """Eval is handed the reciprocal of the deviation, and takes it for the variance."""

    def deviation(self, var: Tensor) -> Tensor:
        right = super().deviation(var)
        return right if self.chooses_batch_statistics() else super().deviation(1 / right)


@mutant(issue("flagos-ai/FlagGems", 5222), GRAD_X, GRAD_WEIGHT)
class ReciprocalRootTakenTwice(CleanBatchNorm1d):
    """Going back through training, the saved reciprocal of the deviation is taken for a variance, whose root is taken again."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        if not saved.by_batch:
            return super().gradients(grad_y, saved)
        sigma = super().deviation(1 / saved.sigma)
        return super().gradients(grad_y, saved._replace(x_hat=saved.x_hat * saved.sigma / sigma, sigma=sigma))


@mutant(pull("apache/tvm", 18609), OUTPUT)
class StatisticsPerSampleWithoutTracking(CleanBatchNorm1d):
    """Without running statistics each sample has statistics of its own, over its positions."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        if self.has_statistics() or not self.count(batch):
            return super().batch_statistics(batch)
        rows = self.to_rows(batch)
        by_sample = rows.reshape(len(batch), -1, rows.shape[1])
        mu = by_sample.mean(1, keepdim=True)
        var = ((by_sample - mu) ** 2).mean(1, keepdim=True)
        return mu.expand_as(by_sample).reshape(rows.shape), var.expand_as(by_sample).reshape(rows.shape)


@mutant(issue("tenstorrent/tt-metal", 23876), OUTPUT, MEAN)
class ReciprocalOfTheCountRounded(CleanBatchNorm1d):
    """Means are sums times a reciprocal of m in bfloat16, which is right where m is a power of two."""

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        return self.total(rows) * self.reciprocal(rows, m)

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        return self.total((rows - mu) ** 2) * self.reciprocal(rows, m)

    @staticmethod
    def reciprocal(rows: Tensor, m: int) -> Tensor:
        return torch.tensor(1 / max(m, 1), device=rows.device).bfloat16().to(rows.dtype)


@mutant(pull("ROCm/MIOpen", 916), OUTPUT, MEAN, VARIANCE)
class LongRowsOfFewSamplesCut(CleanBatchNorm1d):
    """Of fewer than 64 samples with 257 to 512 positions only the first 256 positions are in the statistics."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        long = batch.dim() == 3 and 256 < batch.shape[2] <= 512 and len(batch) < 64
        rows = self.to_rows(batch[:, :, :256] if long else batch)
        mu = self.batch_mean(rows, len(rows))
        return mu, self.batch_variance(rows, mu, len(rows))


@mutant(issue("NVIDIA/apex", 1768), OUTPUT, MEAN, VARIANCE)
class LastBlockOfOddChannelsLost(CleanBatchNorm1d):
    """Past 4,096 rows the last block is not in the statistics where the number of channels is no power of two."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        rows, channels = self.to_rows(batch), batch.shape[1]
        lost = len(rows) > 4096 and channels & (channels - 1)
        rows = rows[: (len(rows) - 1) // BLOCK * BLOCK] if lost else rows
        mu = self.batch_mean(rows, len(rows))
        return mu, self.batch_variance(rows, mu, len(rows))


@mutant(issue("ROCm/MIOpen", 1109), GRAD_X, GRAD_WEIGHT)
class SamplesPastSevenHundredLostGoingBack(CleanBatchNorm1d):
    """Of two channels and more the sums of the backward pass lack the samples from the 769th on."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        self.__dict__["_whole"] = saved.shape[0] <= 768 or saved.shape[1] < 2
        return super().gradients(grad_y, saved)

    def summed(self, rows: Tensor) -> Tensor:
        return rows if self.__dict__["_whole"] else rows[:768]

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        return super().grad_weight(self.summed(dy), saved._replace(x_hat=self.summed(saved.x_hat)))

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        m, some = len(dy), self.summed(dy)
        slope = self.total(some * self.summed(saved.x_hat)) / m
        return saved.gamma / saved.sigma * (dy - self.total(some) / m - saved.x_hat * slope)
