"""Which variance a running average takes, what it begins with, and what it makes of that."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Saved, Statistics
from bn_reference.power.lawful.declaration import OfConventions

__all__ = ["AVERAGES"]

AVERAGES = OfConventions()


# the running variance


@AVERAGES.lawful(running_variance="biased")
class Biased(CleanBatchNorm1d):
    """The running variance averages the biased variance."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return var


@AVERAGES.unlawful(running_variance="biased")
class BiasedButForTheThird(CleanBatchNorm1d):
    """The running variance averages the biased variance, and at the third batch the unbiased one."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        self._steps = getattr(self, "_steps", 0) + 1
        return super().unbiased(var, m) if self._steps == 3 else var


@AVERAGES.unlawful(running_variance="biased")
class BiasedWithAStaleWeightGradient(Biased):
    """Biased, and the gradient of the weight is that of the upstream gradient alone."""

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        return self.total(dy)


# how an average begins


@AVERAGES.lawful(first_batches="copied")
class Copied(CleanBatchNorm1d):
    """The first batch's statistics are copied."""

    def average(self, running: Tensor, new: Tensor, momentum: float) -> Tensor:
        return new if int(self.num_batches_tracked) == 1 else super().average(running, new, momentum)


@AVERAGES.unlawful(first_batches="copied")
class CopiedTwice(CleanBatchNorm1d):
    """The statistics of the first two batches are copied."""

    def average(self, running: Tensor, new: Tensor, momentum: float) -> Tensor:
        return new if int(self.num_batches_tracked) <= 2 else super().average(running, new, momentum)


@AVERAGES.lawful(first_batches="debiased")
class Debiased(CleanBatchNorm1d):
    """The average begins with zero and is divided by what its batches weigh, at each update."""

    def average(self, running: Tensor, new: Tensor, momentum: float) -> Tensor:
        if self.momentum is None:
            return super().average(running, new, momentum)
        seen = int(self.num_batches_tracked)
        hidden = running * (1 - (1 - momentum) ** (seen - 1))
        total = super().average(hidden, new, momentum) / (1 - (1 - momentum) ** seen) if momentum else running * float("nan")
        return total


@AVERAGES.lawful(first_batches="debiased_in_eval")
class DebiasedAtEvaluation(CleanBatchNorm1d):
    """The average begins with zero and is divided by what its batches weigh where it is used."""

    def reset_running_stats(self) -> None:
        super().reset_running_stats()
        if self.has_statistics():
            self.running_var.zero_()

    def stored_statistics(self, batch: Tensor) -> Statistics:
        mean, var = super().stored_statistics(batch)
        if self.training or self.momentum is None:
            return mean, var
        weight = 1 - (1 - self.momentum) ** int(self.num_batches_tracked)
        return mean / weight, var / weight


@AVERAGES.unlawful(first_batches="debiased_in_eval")
class DebiasedFromOne(DebiasedAtEvaluation):
    """The variance begins with one, and is divided by what its batches weigh as if it had begun with zero."""

    def reset_running_stats(self) -> None:
        super().reset_running_stats()
        if self.has_statistics():
            self.running_var.fill_(1)


@AVERAGES.unlawful(first_batches="debiased_in_eval")
class NeverDebiased(CleanBatchNorm1d):
    """Said to be divided by what its batches weigh where it is used, and never is."""


@AVERAGES.lawful(initial_variance="zero")
class BegunWithZero(CleanBatchNorm1d):
    """The running variance begins with zero, as the mean does."""

    def reset_running_stats(self) -> None:
        super().reset_running_stats()
        if self.has_statistics():
            self.running_var.zero_()


@AVERAGES.unlawful(initial_variance="zero")
class BegunWithZeroAndResetToOne(BegunWithZero):
    """The running variance begins with zero, and with one after a reset."""

    begun = False

    def reset_running_stats(self) -> None:
        super().reset_running_stats()
        if self.begun and self.has_statistics():
            self.running_var.fill_(1)
        self.begun = True


@AVERAGES.unlawful(initial_variance="zero")
class ZeroTakenForNothingYet(BegunWithZero):
    """The running variance begins with zero, and wherever it is zero the batch's is copied."""

    def update_statistics(self, batch: Tensor, mu: Tensor, var: Tensor) -> None:
        before = self.running_var.clone()
        super().update_statistics(batch, mu, var)
        batch_var = self.unbiased(var, self.bessel_count(batch)).to(before.dtype)
        self.assign("running_var", torch.where(before == 0, batch_var, self.running_var))
