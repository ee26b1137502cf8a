"""Mutants of formulas that nearly hold: right for usual numbers, or forward alone, or until the statistics have moved."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved, Statistics
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.mutants.lives import EVALUATION, GRAD_WEIGHT, GRAD_X, MEAN, OUTPUT, VARIANCE

__all__ = ["FORMULAS"]

FORMULAS = Family()
mutant = FORMULAS.mutant

STEPS = 12  # of Newton's method
DEAD = issue("ROCm/pytorch", 657)  # channels that do not vary


# the deviation


@mutant(issue("vacancy/Synchronized-BatchNorm-PyTorch", 38), OUTPUT)
class VarianceOfEpsAtLeast(CleanBatchNorm1d):
    """The root is that of the larger one of variance and eps, not of their sum."""

    def deviation(self, var: Tensor) -> Tensor:
        return torch.sqrt(var.clamp_min(self.eps))


@mutant(issue("mbadry1/DeepLearning.ai-Summary", 183), OUTPUT)
class MeanDistanceForDeviation(CleanBatchNorm1d):
    """The deviation is the mean distance from the mean times the root of pi / 2, as of normal numbers."""

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        return (self.total((rows - mu).abs()) / m) ** 2 * (math.pi / 2)


@mutant(issue("tenstorrent/tt-metal", 3523), OUTPUT)
class RootInTwelveSteps(CleanBatchNorm1d):
    """The root comes from twelve steps of Newton's method, which begin with one: far from it they do not arrive."""

    def deviation(self, var: Tensor) -> Tensor:
        radicand, root = var + self.eps, torch.ones_like(var)
        for _ in range(STEPS):
            root = (root + radicand / root) / 2
        return root


@mutant(DEAD, GRAD_X)
class ConstantChannelsOverOne(CleanBatchNorm1d):
    """A channel that does not vary is divided by one, which shows in its gradient alone."""

    def deviation(self, var: Tensor) -> Tensor:
        right = super().deviation(var)
        return torch.where(var == 0, torch.ones_like(right), right) if self.chooses_batch_statistics() else right


@mutant(DEAD, EVALUATION)
class DeadChannelsOverOne(CleanBatchNorm1d):
    """Eval divides by one where the running variance is zero."""

    def deviation(self, var: Tensor) -> Tensor:
        right = super().deviation(var)
        return right if self.chooses_batch_statistics() else torch.where(var == 0, torch.ones_like(right), right)


@mutant(issue("tensorflow/tensorflow", 14353), EVALUATION)
class RunningVarianceOfAThousandthAtLeast(CleanBatchNorm1d):
    """Eval takes a running variance below a thousandth for a thousandth."""

    def stored_statistics(self, batch: Tensor) -> Statistics:
        mean, var = super().stored_statistics(batch)
        return mean, var if self.training else var.clamp_min(1e-3)


@mutant(issue("tensorflow/tensorflow", 14353), EVALUATION)
class RunningMeanWithinAHundred(CleanBatchNorm1d):
    """Eval takes no running mean for more than a hundred."""

    def stored_statistics(self, batch: Tensor) -> Statistics:
        mean, var = super().stored_statistics(batch)
        return mean if self.training else mean.clamp(-100, 100), var


# the running update


@mutant(issue("chainer/chainer", 332), MEAN)
class BesselsFactorForTheMean(CleanBatchNorm1d):
    """The running mean takes up the mean times n / (n - 1), as the running variance does."""

    def update_statistics(self, batch: Tensor, mu: Tensor, var: Tensor) -> None:
        super().update_statistics(batch, self.unbiased(mu, self.count(batch)), var)


@mutant(pull("BVLC/caffe", 3299), VARIANCE)
class BesselsFactorForTheAverage(CleanBatchNorm1d):
    """The factor n / (n - 1) is that of the running variance, old and new, and not of the batch's alone."""

    def update_statistics(self, batch: Tensor, mu: Tensor, var: Tensor) -> None:
        super().update_statistics(batch, mu, var)
        self.running_var.mul_(self.count(batch) / (self.count(batch) - 1))

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return var


@mutant(pull("keras-team/keras-contrib", 287), VARIANCE)
class VarianceAboutTheRunningMean(CleanBatchNorm1d):
    """The running variance takes up the mean square of distances from the running mean, as it was, not from the batch's."""

    def update_statistics(self, batch: Tensor, mu: Tensor, var: Tensor) -> None:
        super().update_statistics(batch, mu, var + (mu - self.running_mean.to(mu.dtype)) ** 2)


# going back


@mutant(issue("chainer/chainer", 7506), GRAD_X)
class EpsForgottenGoingBack(CleanBatchNorm1d):
    """Going back through training, the deviation is that without eps."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        return super().grad_x_training(dy, saved._replace(sigma=torch.sqrt(saved.sigma**2 - self.eps)))


@mutant(issue("HomericIntelligence/Odyssey", 3174), GRAD_WEIGHT)
class WeightGradientOfTheScaledBatch(CleanBatchNorm1d):
    """The gradient of the weight pairs the upstream gradient with x over its deviation, from which no mean was taken."""

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        self.__dict__.setdefault("_shifts", {})[rows.shape] = mu / sigma
        return super().normalize(rows, mu, sigma)

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        shift = self.__dict__["_shifts"][saved.x_hat.shape]
        return super().grad_weight(dy, saved._replace(x_hat=saved.x_hat + shift))


@mutant(issue("mapillary/inplace_abn", 114), GRAD_X)
class SignLostGoingBack(CleanBatchNorm1d):
    """Going back, the weight is used without its sign."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        return super().gradients(grad_y, saved._replace(gamma=saved.gamma.abs()))
