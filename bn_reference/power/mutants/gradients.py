"""Mutants of the backward pass: dropped terms, the wrong mode, the wrong memory, somebody else's tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved
from bn_reference.power.declaration import Family, issue, pull

__all__ = ["GRADIENTS"]

GRADIENTS = Family()
mutant = GRADIENTS.mutant

INPUT = "training_gradient_of_the_input"
WEIGHT = "training_gradient_of_the_weight"
BIAS = "training_gradient_of_the_bias"
SUM = "input_gradient_sums_to_zero"
PRODUCT = "input_gradient_against_x_hat_is_what_eps_leaves"


@mutant(pull("facebookresearch/CrypTen", 143), INPUT, SUM, PRODUCT)
class StatisticsTakenForConstants(CleanBatchNorm1d):
    """The input gradient forgets that mean and variance depend on the input."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        return self.grad_x_evaluation(dy, saved)


@mutant(issue("torch/nn", 744), INPUT, PRODUCT)
class VarianceTakenForConstant(CleanBatchNorm1d):
    """The input gradient forgets that the variance depends on the input."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        return saved.gamma / saved.sigma * (dy - self.total(dy) / len(dy))


@mutant(issue("HomericIntelligence/Odyssey", 3282), INPUT, SUM)
class MeanTakenForConstant(CleanBatchNorm1d):
    """The input gradient forgets that the mean depends on the input."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        return saved.gamma / saved.sigma * (dy - saved.x_hat * (self.total(dy * saved.x_hat) / len(dy)))


@mutant(issue("HomericIntelligence/Odyssey", 3174), INPUT, PRODUCT)
class UnbiasedBackward(CleanBatchNorm1d):
    """The term of the variance is divided by n - 1, though the forward pass divided by n."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        m = len(dy)
        slope = self.total(dy * saved.x_hat) / (m - 1)
        return saved.gamma / saved.sigma * (dy - self.total(dy) / m - saved.x_hat * slope)


@mutant(issue("pytorch/xla", 3361), "evaluation_gradients")
class TrainingGradientInEval(CleanBatchNorm1d):
    """The backward pass of eval is that of training."""

    def grad_x_evaluation(self, dy: Tensor, saved: Saved) -> Tensor:
        return super().grad_x_training(dy, saved)


@mutant(issue("ooples/AiDotNet.Tensors", 233), INPUT, SUM)
class BackwardPerPosition(CleanBatchNorm1d):
    """The backward pass of a batch with positions sums over the samples only."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        if len(saved.shape) == 2:
            return super().grad_x_training(dy, saved)
        n, by_position = saved.shape[0], (saved.shape[0], -1, saved.shape[1])
        upstream, x_hat = dy.reshape(by_position), saved.x_hat.reshape(by_position)
        centred = upstream - upstream.sum(0) / n
        return (saved.gamma / saved.sigma * (centred - x_hat * ((upstream * x_hat).sum(0) / n))).reshape(dy.shape)


@mutant(issue("tensorflow/tensorflow", 107705), "gradients_are_linear_in_the_upstream_gradient")
class SmallUpstreamFlushed(CleanBatchNorm1d):
    """Upstream gradients below 2^-10 are taken for zero."""

    def upstream_to_rows(self, grad_y: Tensor) -> Tensor:
        dy = super().upstream_to_rows(grad_y)
        return torch.where(dy.abs() < 2**-10, 0, dy)


@mutant(pull("pytorch/pytorch", 2268), "a_second_backward_pass_gives_the_same_bits")
class SavedTensorScaled(CleanBatchNorm1d):
    """The backward pass scales the saved batch in place, and a second one starts from what is left."""

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        products = saved.x_hat.data.mul_(dy)
        return self.total(products)

    def grad_x_evaluation(self, dy: Tensor, saved: Saved) -> Tensor:
        return saved.gamma.clone() / saved.sigma.data.mul_(2) * (2 * dy)


@mutant(issue("pytorch/pytorch", 13402), "an_evaluation_gradient_survives_later_training")
class LiveBuffersInTheBackwardPass(CleanBatchNorm1d):
    """The backward pass of eval reads the running variance as it is by then."""

    def grad_x_evaluation(self, dy: Tensor, saved: Saved) -> Tensor:
        return saved.gamma / self.deviation(self.running_var.to(dy.dtype)) * dy


@mutant(issue("pytorch/pytorch", 586), "a_backward_pass_belongs_to_its_own_forward_pass")
class LatestBatchInTheBackwardPass(CleanBatchNorm1d):
    """The layer keeps one normalized batch, the latest, and every backward pass uses that one."""

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        self._latest = super().normalize(rows, mu, sigma)
        return self._latest

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        fits = self._latest.shape == saved.x_hat.shape
        return super().gradients(grad_y, saved._replace(x_hat=self._latest if fits else torch.zeros_like(saved.x_hat)))


@mutant(issue("pytorch/pytorch", 1866), "strided_upstream_gradients_agree", INPUT)
class UpstreamReadAsContiguous(CleanBatchNorm1d):
    """The upstream gradient is read from its memory as if it were contiguous."""

    def upstream_to_rows(self, grad_y: Tensor) -> Tensor:
        strides = torch.empty(grad_y.shape).stride()
        return super().upstream_to_rows(torch.as_strided(grad_y, grad_y.shape, strides, grad_y.storage_offset()))


@mutant(issue("pytorch/pytorch", 62594), WEIGHT)
class WeightGradientAcrossAxes(CleanBatchNorm1d):
    """The weight's gradient of a batch with positions pairs upstream and batch in different orders of the rows."""

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        if len(saved.shape) == 2:
            return super().grad_weight(dy, saved)
        n, channels = saved.shape[:2]
        other = saved.x_hat.reshape(n, -1, channels).transpose(0, 1).reshape(dy.shape)
        return super().grad_weight(dy, saved._replace(x_hat=other))


@mutant(pull("pytorch/pytorch", 147353), BIAS, WEIGHT)
class GradientSumsInTheInputDtype(CleanBatchNorm1d):
    """The sums of the backward pass are kept in half precision, where they overflow."""

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        return self.total((dy * saved.x_hat).to(saved.dtype))

    def grad_bias(self, dy: Tensor, saved: Saved) -> Tensor:
        return self.total(dy.to(saved.dtype))


@mutant(pull("ROCm/rocm-libraries", 7240), WEIGHT, "evaluation_gradients")
class WeightGradientOnePercentLow(CleanBatchNorm1d):
    """The weight's gradient is one percent low, in every channel and every dtype."""

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        return 0.99 * super().grad_weight(dy, saved)


@mutant(issue("pytorch/pytorch", 2330), BIAS, "evaluation_gradients")
class BiasGradientOfTheInput(CleanBatchNorm1d):
    """The bias's gradient sums the normalized batch, where it should sum the upstream gradient."""

    def grad_bias(self, dy: Tensor, saved: Saved) -> Tensor:
        return self.total(saved.x_hat)


@mutant(issue("mapillary/inplace_abn", 4), WEIGHT, INPUT)
class BatchRecoveredFromTheOutput(CleanBatchNorm1d):
    """The backward pass recovers the normalized batch from the scaled one, dividing by a weight that may be zero."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        scaled = (saved.gamma * saved.x_hat).to(saved.dtype).to(saved.x_hat.dtype)
        return super().gradients(grad_y, saved._replace(x_hat=scaled / saved.gamma))


@mutant(issue("apache/mxnet", 16297), "frozen_parameters_change_no_other_gradient")
class FrozenWeightTakenForOne(CleanBatchNorm1d):
    """A weight that needs no gradient is taken for one in the backward pass."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        gamma = saved.gamma if saved.needs[1] else torch.ones_like(saved.gamma)
        return super().gradients(grad_y, saved._replace(gamma=gamma))


@mutant(issue("PaddlePaddle/Paddle", 7347), "inputs_without_gradient_change_no_other_gradient")
class BackwardSkippedWithoutInput(CleanBatchNorm1d):
    """Where the input needs no gradient the backward pass ends early, and weight and bias get zeros."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        return super().gradients(grad_y if saved.needs[0] else torch.zeros_like(grad_y), saved)


@mutant(pull("Oneflow-Inc/oneflow", 5665), INPUT)
class NoGradientWithoutTracking(CleanBatchNorm1d):
    """Without running statistics the input gets no gradient."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        grads = super().gradients(grad_y, saved)
        return grads if self.has_statistics() else (None, *grads[1:])
