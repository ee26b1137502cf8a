"""What normalizes a batch in training."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Statistics
from bn_reference.power.lawful.declaration import OfConventions

__all__ = ["TRAINING"]

TRAINING = OfConventions()


@TRAINING.lawful(training="running")
class RunningInTraining(CleanBatchNorm1d):
    """Training normalizes with the running statistics after their update, and gradients go through it."""

    def forward(self, batch: Tensor) -> Tensor:
        if not self.moves_statistics(batch):
            return super().forward(batch)
        self.validate(batch)
        rows = self.to_rows(batch)
        mu, var = self.moved(batch, rows)
        gamma, beta = self.parameters_used(self.weight, self.bias, batch)
        y = self.scale_and_shift(self.normalize(rows, mu, self.deviation(var)), gamma, beta)
        return self.from_rows(y, batch.shape, batch.dtype)

    def moved(self, batch: Tensor, rows: Tensor) -> Statistics:
        """The statistics after the update, recorded as functions of the batch."""
        self.count_batch(batch)
        m, momentum = self.count(batch), self.momentum_factor()
        mean_before, var_before = (kept.clone() for kept in self.stored_statistics(batch))
        mu = self.batch_mean(rows, m)
        var = self.unbiased(self.batch_variance(rows, mu, m), self.bessel_count(batch))
        mu, var = self.average(mean_before, mu, momentum), self.average(var_before, var, momentum)
        self.assign("running_mean", mu.detach())
        self.assign("running_var", var.detach())
        return mu, var


@TRAINING.unlawful(training="running")
class RunningInTrainingAsConstants(RunningInTraining):
    """Training normalizes with the running statistics after their update, and gradients take them for constants."""

    def moved(self, batch: Tensor, rows: Tensor) -> Statistics:
        with torch.no_grad():
            return super().moved(batch, rows)
