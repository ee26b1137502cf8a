"""Mutants of what is derived beyond the first backward pass: second gradients, forward mode, vectorized evaluations."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bn_reference.power.clean import Saved
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.differentiable import Along, DifferentiableBatchNorm1d
from bn_reference.power.mechanics import MadeAgainGoingBack

__all__ = ["DERIVATIVES"]

DERIVATIVES = Family()
mutant = DERIVATIVES.mutant

SECOND, SECOND_IN_EVAL = "second_derivatives_of_a_training_step", "second_derivatives_of_an_evaluation"
TANGENT, TANGENT_IN_EVAL = "forward_mode_derivatives_of_a_training_step", "forward_mode_derivatives_of_an_evaluation"
MAPPED = "an_evaluation_of_several_batches_at_once_is_that_of_each"
CONSTANTS = issue("pytorch/pytorch", 186256)
NESTED = issue("pytorch/pytorch", 196699)
FORMULA = pull("pytorch/pytorch", 4569)
WRITTEN_DOWN = pull("chainer/chainer", 3275)
FORWARD = issue("pytorch/pytorch", 73541)
VECTORIZED = pull("pytorch/functorch", 505)


# second derivatives, where autograd follows the backward pass


@mutant(CONSTANTS, SECOND)
class StatisticsDetachedGoingBack(MadeAgainGoingBack):
    """Going back twice, mean and variance of the batch are constants."""

    def batch_statistics(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        mu, var = super().batch_statistics(batch)
        return mu.detach(), var.detach()


@mutant(CONSTANTS, SECOND)
class DeviationDetachedGoingBack(MadeAgainGoingBack):
    """Going back twice, the deviation of the batch is a constant, and its mean is not."""

    def deviation(self, var: Tensor) -> Tensor:
        return super().deviation(var).detach()


@mutant(FORMULA, SECOND)
class MeanUpstreamDetached(MadeAgainGoingBack):
    """Going back twice, the mean of the upstream gradient does not depend on it."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        m = len(dy)
        centred = dy - self.total(dy.detach()) / m
        return saved.gamma / saved.sigma * (centred - saved.x_hat * (self.total(dy * saved.x_hat) / m))


@mutant(FORMULA, SECOND)
class SlopeDetached(MadeAgainGoingBack):
    """Going back twice, the sum of dy x_hat in the gradient of the input is a constant."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        m = len(dy)
        slope = (self.total(dy * saved.x_hat) / m).detach()
        return saved.gamma / saved.sigma * (dy - self.total(dy) / m - saved.x_hat * slope)


@mutant(pull("pytorch/pytorch", 2207), SECOND)
class WrongOnlyWhereItIsRecorded(MadeAgainGoingBack):
    """Where the backward pass is itself recorded, the gradient of the input misses the term of the variance."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        if not torch.is_grad_enabled():
            return super().grad_x_training(dy, saved)
        return saved.gamma / saved.sigma * (dy - self.total(dy) / len(dy))


# second derivatives that somebody wrote down


@mutant(WRITTEN_DOWN, SECOND)
class CurvatureHalved(DifferentiableBatchNorm1d):
    """One of the two symmetrical terms of the second gradient of the input is left out."""

    def second_by_x_in_training(self, dy: Tensor, along: Along, saved: Saved) -> Tensor:
        m, inverse = len(dy), 1 / saved.sigma
        b = self.total(along.x * saved.x_hat) / m
        return super().second_by_x_in_training(dy, along, saved) + saved.gamma * inverse * inverse * b * self.projected(
            dy, saved
        )


@mutant(WRITTEN_DOWN, SECOND)
class SecondGradientSumsForMeans(DifferentiableBatchNorm1d):
    """In the second gradient of the input a mean over the rows is taken as the sum."""

    def second_by_x_in_training(self, dy: Tensor, along: Along, saved: Saved) -> Tensor:
        m, inverse = len(dy), 1 / saved.sigma
        product = self.total(dy * self.projected(along.x, saved)) * (m - 1) / m
        right = super().second_by_x_in_training(dy, along, saved)
        return right - saved.gamma * inverse * inverse * product * saved.x_hat


@mutant(pull("PaddlePaddle/Paddle", 27296), SECOND, SECOND_IN_EVAL)
class DirectionOfTheWeightForgotten(DifferentiableBatchNorm1d):
    """The gradient of the weight's gradient by the input is left out."""

    def second_gradients(self, dy: Tensor, along: Along, saved: Saved) -> tuple[Tensor, Tensor, Tensor]:
        by_upstream, _, by_weight = super().second_gradients(dy, along, saved)
        without = along._replace(weight=torch.zeros_like(along.weight))
        return by_upstream, super().second_gradients(dy, without, saved)[1], by_weight


@mutant(pull("PaddlePaddle/Paddle", 27296), SECOND, SECOND_IN_EVAL)
class DirectionOfTheBiasForgotten(DifferentiableBatchNorm1d):
    """The gradient by dy of the bias's gradient is left out."""

    def second_by_upstream(self, along: Along, saved: Saved) -> Tensor:
        return self.tangent(along._replace(bias=torch.zeros_like(along.bias)), saved)


@mutant(FORMULA, SECOND)
class SecondGradientOfTheWeightUnprojected(DifferentiableBatchNorm1d):
    """The second gradient of the weight takes mean and variance for constants."""

    def second_by_weight(self, dy: Tensor, along: Along, saved: Saved) -> Tensor:
        return self.total(dy * along.x) / saved.sigma


@mutant(WRITTEN_DOWN, SECOND, SECOND_IN_EVAL)
class SecondGradientOfTheWeightWithWeight(DifferentiableBatchNorm1d):
    """The second gradient of the weight keeps the factor weight, by which it is the derivative."""

    def second_by_weight(self, dy: Tensor, along: Along, saved: Saved) -> Tensor:
        return saved.gamma * super().second_by_weight(dy, along, saved)


@mutant(issue("pytorch/pytorch", 4422), SECOND_IN_EVAL)
class SecondGradientOfTrainingInEval(DifferentiableBatchNorm1d):
    """Going back twice through an evaluation takes its statistics for the batch's."""

    def second_gradients(self, dy: Tensor, along: Along, saved: Saved) -> tuple[Tensor, Tensor, Tensor]:
        return super().second_gradients(dy, along, saved._replace(by_batch=True))


@mutant(issue("pytorch/pytorch", 2264), SECOND, SECOND_IN_EVAL)
class SecondGradientsMistaken(DifferentiableBatchNorm1d):
    """The second gradients of the input and of dy are handed back in the wrong order."""

    def second_gradients(self, dy: Tensor, along: Along, saved: Saved) -> tuple[Tensor, Tensor, Tensor]:
        by_upstream, by_x, by_weight = super().second_gradients(dy, along, saved)
        return by_x, by_upstream, by_weight


# forward mode


@mutant(NESTED, TANGENT)
class TangentOfConstants(DifferentiableBatchNorm1d):
    """In forward mode mean and variance of the batch are constants."""

    def forward_tangent(self, along: Along, saved: Saved) -> Tensor:
        return self.tangent(along, saved._replace(by_batch=False))


@mutant(FORWARD, TANGENT)
class TangentWithoutTheVariance(DifferentiableBatchNorm1d):
    """In forward mode the variance of the batch is a constant, and its mean is not."""

    def forward_tangent(self, along: Along, saved: Saved) -> Tensor:
        if not saved.by_batch:
            return self.tangent(along, saved)
        centred = along.x - self.total(along.x) / len(along.x)
        return saved.gamma / saved.sigma * centred + along.weight * saved.x_hat + along.bias


@mutant(FORWARD, TANGENT, TANGENT_IN_EVAL)
class TangentOfTheBiasForgotten(DifferentiableBatchNorm1d):
    """In forward mode the bias is a constant."""

    def forward_tangent(self, along: Along, saved: Saved) -> Tensor:
        return self.tangent(along, saved) - along.bias


@mutant(FORWARD, TANGENT, TANGENT_IN_EVAL)
class TangentOfTheWeightWithoutXHat(DifferentiableBatchNorm1d):
    """In forward mode the direction of the weight meets the output without weight and bias nowhere."""

    def forward_tangent(self, along: Along, saved: Saved) -> Tensor:
        return self.tangent(along, saved) + along.weight * (1 - saved.x_hat)


@mutant(NESTED, TANGENT_IN_EVAL)
class TangentOfTrainingInEval(DifferentiableBatchNorm1d):
    """The tangent of an evaluation is that of training."""

    def forward_tangent(self, along: Along, saved: Saved) -> Tensor:
        return self.tangent(along, saved._replace(by_batch=True))


# vectorized evaluations


@mutant(VECTORIZED, MAPPED)
class MappedWithoutBias(DifferentiableBatchNorm1d):
    """Vectorized over batches, an evaluation forgets the bias."""

    def mapped(self, several: Tensor, weight: Any, bias: Any, mu: Any, sigma: Any, by_batch: bool) -> Tensor:
        return super().mapped(several, weight, None, mu, sigma, by_batch)


@mutant(VECTORIZED, MAPPED)
class MappedAllAsTheFirst(DifferentiableBatchNorm1d):
    """Vectorized over batches, an evaluation gives all of them the output of the first."""

    def mapped(self, several: Tensor, weight: Any, bias: Any, mu: Any, sigma: Any, by_batch: bool) -> Tensor:
        y = super().mapped(several, weight, bias, mu, sigma, by_batch)
        return y[:1].expand_as(y)
