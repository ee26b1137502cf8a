"""Mutants that only size shows: rows that are lost, counts and indices that wrap, tails, half precision in wide layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Saved, Statistics
from bn_reference.power.declaration import Family, issue, pull

__all__ = ["ROWS", "SIZES", "losing"]

SIZES = Family()
mutant = SIZES.mutant

OUTPUT = "output_is_the_normalized_batch"
RUNNING_MEAN, RUNNING_VARIANCE = "one_step_moves_the_running_mean", "one_step_moves_the_running_variance"
ROWS: dict[str, Callable[[int], int]] = {"first": lambda m: 0, "middle": lambda m: m // 2, "last": lambda m: m - 1}
BLOCK = 4096
TALL, WIDE = issue("pytorch/pytorch", 16998), issue("torch/cunn", 298)
TAIL = issue("NVIDIA/apex", 1768)


def losing(row: str, most: int) -> Any:
    """The joint ``batch_statistics`` that loses one row of more than ``most``, though it is counted."""

    def batch_statistics(self: CleanBatchNorm1d, batch: Tensor) -> Statistics:
        rows = self.to_rows(batch)
        m = len(rows)
        if m > most:
            at = ROWS[row](m)
            rows = torch.cat([rows[:at], rows[at + 1 :]])
        mu = self.batch_mean(rows, m)
        return mu, self.batch_variance(rows, mu, m)

    return batch_statistics


@mutant(TALL, OUTPUT, RUNNING_MEAN, RUNNING_VARIANCE)
class LastRowLostPastEightThousand(CleanBatchNorm1d):
    """Where there are more than 8,192 rows the last one is not in the statistics."""

    batch_statistics = losing("last", 2**13)


@mutant(TALL, OUTPUT, RUNNING_MEAN, RUNNING_VARIANCE)
class FirstRowLostPastThirtyThousand(CleanBatchNorm1d):
    """Where there are more than 32,768 rows the first one is not in the statistics."""

    batch_statistics = losing("first", 2**15)


@mutant(TALL, OUTPUT, RUNNING_MEAN, RUNNING_VARIANCE)
class MiddleRowLostPastSixtyThousand(CleanBatchNorm1d):
    """Where there are more than 65,536 rows the middle one is not in the statistics."""

    batch_statistics = losing("middle", 2**16)


@mutant(TALL, OUTPUT, RUNNING_MEAN, RUNNING_VARIANCE)
class FirstRowLostPastAMillion(CleanBatchNorm1d):
    """Where there are more than 2^20 rows the first one is not in the statistics."""

    batch_statistics = losing("first", 2**20)


@mutant(TALL, OUTPUT, RUNNING_MEAN, RUNNING_VARIANCE)
class MiddleRowLostPastAMillion(CleanBatchNorm1d):
    """Where there are more than 2^20 rows the middle one is not in the statistics."""

    batch_statistics = losing("middle", 2**20)


@mutant(TALL, OUTPUT, RUNNING_MEAN, RUNNING_VARIANCE)
class LastRowLostPastAMillion(CleanBatchNorm1d):
    """Where there are more than 2^20 rows the last one is not in the statistics."""

    batch_statistics = losing("last", 2**20)


@mutant(issue("pytorch/pytorch", 44350), OUTPUT, RUNNING_MEAN)
class CountHeldInHalf(CleanBatchNorm1d):
    """The number of rows is kept in half precision, in which it is infinite above 65,504."""

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        return self.total(rows) / torch.tensor(m, dtype=torch.float16, device=rows.device).to(rows.dtype)


@mutant(issue("pytorch/pytorch", 22192), RUNNING_VARIANCE)
class BesselCountInSixteenBits(CleanBatchNorm1d):
    """The count of the unbiased variance has sixteen bits and begins again at 65,536."""

    def bessel_count(self, batch: Tensor) -> int:
        return self.count(batch) & 0xFFFF or 2**16


@mutant(issue("fla-org/flash-linear-attention", 1080), OUTPUT, RUNNING_MEAN)
class RowIndexInSixteenBits(CleanBatchNorm1d):
    """The index of a row has sixteen bits and is negative from 32,768 on, so that rows near the beginning are read twice."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        rows, m = self.to_rows(batch), self.count(batch)
        index = (torch.arange(m, device=batch.device) + 2**15) % 2**16 - 2**15
        read = rows[index % max(m, 1)]
        mu = self.batch_mean(read, m)
        return mu, self.batch_variance(read, mu, m)


@mutant(issue("PaddlePaddle/Paddle", 32464), OUTPUT, RUNNING_MEAN)
class TailBlockMergedAsAFullOne(CleanBatchNorm1d):
    """Past 16,384 rows the means of blocks of 4,096 are merged with equal weights, that of the shorter last block too."""

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        if m <= 4 * BLOCK:
            return super().batch_mean(rows, m)
        means = [self.total(block) / len(block) for block in rows.split(BLOCK)]
        return torch.stack(means).sum(0) / len(means)


@mutant(TAIL, OUTPUT, RUNNING_MEAN, RUNNING_VARIANCE)
class TailOfRowsDropped(CleanBatchNorm1d):
    """Past 65,536 rows those that fill no block of 32 are not in the statistics."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        rows = self.to_rows(batch)
        return _moments(self, rows[: len(rows) - len(rows) % 32] if len(rows) > 2**16 else rows)


@mutant(TAIL, OUTPUT, RUNNING_MEAN, RUNNING_VARIANCE)
class PositionsCutAtFourThousand(CleanBatchNorm1d):
    """Positions from 4,096 on are not in the statistics."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        return _moments(self, self.to_rows(batch[:, :, :BLOCK] if batch.dim() == 3 else batch))


@mutant(pull("flagos-ai/FlagGems", 59), "training_gradient_of_the_weight", "training_gradient_of_the_bias")
class TailOfGradientsDropped(CleanBatchNorm1d):
    """Past 8,192 rows those that fill no block of 64 are not in the gradients of weight and bias."""

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        return super().grad_weight(self._whole(dy), saved._replace(x_hat=self._whole(saved.x_hat)))

    def grad_bias(self, dy: Tensor, saved: Saved) -> Tensor:
        return super().grad_bias(self._whole(dy), saved)

    @staticmethod
    def _whole(rows: Tensor) -> Tensor:
        return rows[: len(rows) - len(rows) % 64] if len(rows) > 2**13 else rows


@mutant(pull("flagos-ai/FlagGems", 59), "training_gradient_of_the_input")
class InputGradientWithoutTheLastRow(CleanBatchNorm1d):
    """Past 2^20 rows the means in the gradient of the input lack the upstream gradient of the last row."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        m, used = len(dy), dy[:-1] if len(dy) > 2**20 else dy
        centred = dy - self.total(used) / m
        return saved.gamma / saved.sigma * (centred - saved.x_hat * (self.total(used * saved.x_hat[: len(used)]) / m))


def halved(most: int) -> Any:
    """The joint ``to_rows`` that rounds to half precision where there are more than ``most`` channels."""

    def to_rows(self: CleanBatchNorm1d, batch: Tensor) -> Tensor:
        rows = CleanBatchNorm1d.to_rows(self, batch)
        return rows.half().to(rows.dtype) if batch.shape[1] > most else rows

    return to_rows


@mutant(issue("pytorch/pytorch", 140112), OUTPUT)
class HalfInsideWideLayers(CleanBatchNorm1d):
    """Layers of more than 300 channels compute in half precision."""

    to_rows = halved(300)


@mutant(issue("pytorch/pytorch", 140112), OUTPUT)
class HalfInsideWiderLayers(CleanBatchNorm1d):
    """Layers of more than 1,024 channels compute in half precision."""

    to_rows = halved(1024)


@mutant(issue("pytorch/pytorch", 140112), OUTPUT)
class HalfInsideTheWidestLayers(CleanBatchNorm1d):
    """Layers of more than 65,535 channels compute in half precision."""

    to_rows = halved(65535)


@mutant(WIDE, OUTPUT)
class ChannelIndexInSixteenBits(CleanBatchNorm1d):
    """The index of a channel has sixteen bits, so that channel 65,536 has the statistics of channel 0."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        mu, var = super().batch_statistics(batch)
        index = torch.arange(batch.shape[1], device=batch.device) % 2**16
        return mu[index], var[index]


@mutant(pull("LBANN/lbann", 1610), OUTPUT)
class ChannelsBeyondTheGrid(CleanBatchNorm1d):
    """A grid has 65,535 blocks, one a channel: the channels beyond are not normalized."""

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        x_hat = super().normalize(rows, mu, sigma)
        return torch.cat([x_hat[:, :65535], rows[:, 65535:]], dim=1)


def _moments(layer: CleanBatchNorm1d, rows: Tensor) -> Statistics:
    mu = layer.batch_mean(rows, len(rows))
    return mu, layer.batch_variance(rows, mu, len(rows))
