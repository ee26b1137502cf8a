"""Mutants of second derivatives, tangents and vectorized evaluations: in their constants, and in what they leave behind."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bn_reference.power.clean import Saved
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.differentiable import Along, DifferentiableBatchNorm1d
from bn_reference.power.mutants.derivatives import MAPPED, SECOND, SECOND_IN_EVAL, TANGENT, TANGENT_IN_EVAL

__all__ = ["CURVATURE"]

CURVATURE = Family()
mutant = CURVATURE.mutant

WRITTEN_DOWN = pull("chainer/chainer", 3275)
RECOMPUTED = issue("pytorch/pytorch", 96136)  # what is computed once more, going back, moves the statistics once more


@mutant(pull("pytorch/pytorch", 4569), SECOND)
class EpsForgottenInTheSecond(DifferentiableBatchNorm1d):
    """Going back twice through training, the deviation is that without eps."""

    def second_gradients(self, dy: Tensor, along: Along, saved: Saved) -> tuple[Tensor, Tensor, Tensor]:
        without = torch.sqrt((saved.sigma**2 - self.eps).clamp_min(torch.finfo(dy.dtype).tiny))
        return super().second_gradients(dy, along, saved._replace(sigma=without) if saved.by_batch else saved)


@mutant(WRITTEN_DOWN, SECOND)
class SecondGradientByOneLess(DifferentiableBatchNorm1d):
    """The means of the second gradient of the input are sums over one less than there are rows."""

    def second_by_x_in_training(self, dy: Tensor, along: Along, saved: Saved) -> Tensor:
        m, through_weight = len(dy), along.weight / saved.sigma * self.projected(dy, saved)
        curved = super().second_by_x_in_training(dy, along, saved) - through_weight
        return through_weight + curved * m / (m - 1)


@mutant(WRITTEN_DOWN, SECOND, SECOND_IN_EVAL)
class SecondGradientOfDyWithoutWeight(DifferentiableBatchNorm1d):
    """The gradient by dy of the input's gradient lacks the weight."""

    def second_by_upstream(self, along: Along, saved: Saved) -> Tensor:
        return self.tangent(along, saved._replace(gamma=torch.ones_like(saved.gamma)))


@mutant(RECOMPUTED, SECOND)
class StatisticsMoveGoingBackTwice(DifferentiableBatchNorm1d):
    """Going back twice through training moves the running mean once more."""

    def second_gradients(self, dy: Tensor, along: Along, saved: Saved) -> tuple[Tensor, Tensor, Tensor]:
        if saved.by_batch and self.has_statistics():
            self.running_mean.mul_(0.5)
        return super().second_gradients(dy, along, saved)


@mutant(RECOMPUTED, TANGENT)
class StatisticsMoveTwiceInForwardMode(DifferentiableBatchNorm1d):
    """In forward mode a training step moves the running statistics twice."""

    def forward_tangent(self, along: Along, saved: Saved) -> Tensor:
        if saved.by_batch and self.has_statistics():
            self.running_mean.add_(1)
        return super().forward_tangent(along, saved)


@mutant(issue("pytorch/pytorch", 73541), TANGENT, TANGENT_IN_EVAL)
class TangentWithoutTheWeightsSign(DifferentiableBatchNorm1d):
    """In forward mode the weight counts without its sign."""

    def forward_tangent(self, along: Along, saved: Saved) -> Tensor:
        return super().forward_tangent(along, saved._replace(gamma=saved.gamma.abs()))


@mutant(pull("pytorch/functorch", 505), MAPPED)
class MappedWithTheirOwnStatistics(DifferentiableBatchNorm1d):
    """Vectorized over batches, an evaluation normalizes each with its own mean."""

    def mapped(self, several: Tensor, weight: Any, bias: Any, mu: Any, sigma: Any, by_batch: bool) -> Tensor:
        rows = torch.stack([self.batch_mean(self.to_rows(batch), self.count(batch)) for batch in several])
        return super().mapped(several, weight, bias, (rows, 0), sigma, by_batch)
