"""Mutants of eval: the wrong statistics, stale ones, and rows that are not independent."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Statistics
from bn_reference.power.declaration import Family, issue, pull

__all__ = ["EVALUATION"]

EVALUATION = Family()
mutant = EVALUATION.mutant

RUNNING = "evaluation_uses_the_running_statistics"


@mutant(pull("chainer/chainer", 2214), RUNNING)
class EpsOnlyInTraining(CleanBatchNorm1d):
    """Eval forgets eps."""

    def deviation(self, var: Tensor) -> Tensor:
        return super().deviation(var) if self.chooses_batch_statistics() else torch.sqrt(var)


@mutant(pull("apache/tvm", 17752), RUNNING, "a_row_does_not_depend_on_its_companions", "one_row_and_none_can_be_evaluated")
class BatchStatisticsInEval(CleanBatchNorm1d):
    """Eval is ignored, and the batch's own statistics are used for ever."""

    def chooses_batch_statistics(self) -> bool:
        return True


@mutant(issue("pytorch/pytorch", 14027), "the_counter_counts_training_batches")
class ModeReadOnce(CleanBatchNorm1d):
    """Training or eval is decided at the first call, and later changes have no effect."""

    def forward(self, batch: Tensor) -> Tensor:
        self._first_mode: bool = getattr(self, "_first_mode", self.training)
        self.training = self._first_mode
        return super().forward(batch)


@mutant(pull("ooples/AiDotNet", 1586), RUNNING)
class StatisticsAlongTheLastAxis(CleanBatchNorm1d):
    """Eval of a batch with positions spreads the statistics along the last axis, wherever that is as long."""

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        if self.training or self._length != rows.shape[1]:
            return super().normalize(rows, mu, sigma)
        by_sample = rows.reshape(-1, self._length, rows.shape[1])
        return ((by_sample - mu[:, None]) / sigma[:, None]).reshape(rows.shape)

    def forward(self, batch: Tensor) -> Tensor:
        self._length = batch.shape[2] if batch.dim() == 3 else 0
        return super().forward(batch)


@mutant(pull("ooples/AiDotNet", 1505), "nothing_is_stale_after_more_training", "nothing_is_stale_after_loading_a_state")
class DeviationComputedOnce(CleanBatchNorm1d):
    """Eval keeps the deviation of its first call, whatever happens to the running variance afterwards."""

    def deviation(self, var: Tensor) -> Tensor:
        if self.training or not self.has_statistics():
            return super().deviation(var)
        if not hasattr(self, "_kept"):
            self._kept = super().deviation(var)
        return self._kept


@mutant(issue("ezyang/pytorch-unattached", 81), "nothing_is_stale_after_loading_a_state")
class StaleAfterLoading(DeviationComputedOnce):
    """The deviation that eval keeps is dropped by training, but not by loading a state."""

    def update_statistics(self, batch: Tensor, mu: Tensor, var: Tensor) -> None:
        super().update_statistics(batch, mu, var)
        self.__dict__.pop("_kept", None)


@mutant(issue("patrick-kidger/equinox", 1010), RUNNING)
class DebiasedInEval(CleanBatchNorm1d):
    """Eval divides the running mean by 1 - (1 - momentum)^batches, as if it had started from nothing."""

    def stored_statistics(self, batch: Tensor) -> Statistics:
        mean, var = super().stored_statistics(batch)
        if self.training or self.momentum is None:
            return mean, var
        return mean / (1 - (1 - torch.tensor(self.momentum)) ** self.num_batches_tracked).to(mean.dtype), var


@mutant(pull("apple/coreai-torch", 54), RUNNING)
class StatisticsInHalfPrecision(CleanBatchNorm1d):
    """Eval reads the running statistics in the dtype of the input."""

    def stored_statistics(self, batch: Tensor) -> Statistics:
        mean, var = super().stored_statistics(batch)
        return (mean, var) if self.training else (mean.to(batch.dtype).to(mean.dtype), var.to(batch.dtype).to(var.dtype))


@mutant(issue("chainer/chainer", 7506), "repeated_evaluation_gives_the_same_bits", "evaluation_moves_nothing")
class EpsAddedInPlace(CleanBatchNorm1d):
    """Eval adds eps to the running variance itself, each time."""

    def stored_statistics(self, batch: Tensor) -> Statistics:
        if not self.training:
            self.running_var.add_(self.eps)
        return super().stored_statistics(batch)


@mutant(issue("pytorch/pytorch", 16998), "a_row_does_not_depend_on_its_companions")
class AnotherPathForManyRows(CleanBatchNorm1d):
    """More than one row goes through a faster path, whose last bits are not those of the path for one."""

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        return super().normalize(rows, mu, sigma) if len(rows) == 1 else (rows - mu) * (1 / sigma)


@mutant(issue("pytorch/pytorch", 156051), "one_row_and_none_can_be_evaluated")
class OneValueRefusedInEval(CleanBatchNorm1d):
    """One value per channel is refused in eval as in training."""

    def validate_count(self, batch: Tensor) -> None:
        if self.count(batch) == 1:
            raise ValueError("expected more than one value per channel when training")


@mutant(issue("pytorch/pytorch", 36530), "one_row_and_none_can_be_evaluated")
class EmptyBatchRefused(CleanBatchNorm1d):
    """An empty batch ends in a division of integers by zero."""

    def validate_count(self, batch: Tensor) -> None:
        super().validate_count(batch)
        if self.count(batch) == 0:
            raise ZeroDivisionError("integer division by zero")
