"""Mutants that round where nobody should: halves before the end, small numbers to zero, doubles on the way."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.portrait.computes import FOLDED
from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved, Statistics
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.mutants.lives import EVALUATION, GRAD_WEIGHT, GRAD_X, MEAN, OUTPUT, VARIANCE

__all__ = ["ROUNDINGS"]

ROUNDINGS = Family()
mutant = ROUNDINGS.mutant

LOW = 0xFFFF  # of a float32 the bits that bfloat16 does not have


class OfTheBatch(CleanBatchNorm1d):
    """A layer that knows the dtype of the latest batch; no mutant."""

    def forward(self, batch: Tensor) -> Tensor:
        self.__dict__["_dtype"] = batch.dtype
        return super().forward(batch)

    def rounded(self, numbers: Tensor) -> Tensor:
        """As the dtype of the batch has them."""
        dtype: torch.dtype = self.__dict__["_dtype"]
        return numbers.to(dtype).to(numbers.dtype)


@mutant(pull("pytorch/TensorRT", 1450), EVALUATION)
class FoldedInTheInputDtype(OfTheBatch):
    """Eval folds weight, bias and statistics into a scale and a shift, which have the dtype of the input."""

    computes = CleanBatchNorm1d.computes.but(evaluation=FOLDED)

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        self.__dict__["_folds"] = None if self.chooses_batch_statistics() else (rows, mu, sigma)
        return super().normalize(rows, mu, sigma)

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        if self.__dict__["_folds"] is None:
            return super().scale_and_shift(x_hat, gamma, beta)
        rows, mu, sigma = self.__dict__.pop("_folds")
        scale = gamma / sigma
        y: Tensor = rows * self.rounded(scale) + self.rounded(beta - mu * scale)
        return y


@mutant(pull("vllm-project/vllm-xpu-kernels", 534), OUTPUT)
class RoundedBeforeTheWeight(OfTheBatch):
    """The normalized batch is rounded to the dtype of the input before it meets weight and bias."""

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return super().scale_and_shift(self.rounded(x_hat), gamma, beta)


@mutant(pull("tenstorrent/tt-metal", 19882), OUTPUT)
class TruncatedToBfloat16(CleanBatchNorm1d):
    """Outputs in bfloat16 are cut off, where they are to be rounded."""

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        if dtype != torch.bfloat16:
            return super().from_rows(rows, shape, dtype)
        bits = rows.contiguous().view(torch.int32)
        return super().from_rows((bits - (bits & LOW)).view(torch.float32), shape, dtype)


@mutant(issue("pytorch/pytorch", 32137), OUTPUT)
class EpsInTheInputDtype(OfTheBatch):
    """Eps is rounded to the dtype of the input, in which a small one is zero."""

    def deviation(self, var: Tensor) -> Tensor:
        return torch.sqrt(var + float(self.rounded(torch.tensor(self.eps, dtype=torch.float64))))


@mutant(issue("tensorflow/tensorflow", 8535), MEAN)
class MomentumInTheInputDtype(OfTheBatch):
    """Momentum is rounded to the dtype of the input, whatever that of the running statistics."""

    def momentum_factor(self) -> float:
        return float(self.rounded(torch.tensor(super().momentum_factor(), dtype=torch.float64)))


@mutant(pull("pytorch/pytorch", 147353), GRAD_WEIGHT)
class NormalizedBatchKeptInTheInputDtype(CleanBatchNorm1d):
    """For the backward pass the normalized batch is kept in the dtype of the input."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        return super().gradients(grad_y, saved._replace(x_hat=saved.x_hat.to(saved.dtype).to(saved.x_hat.dtype)))


@mutant(pull("pytorch/pytorch", 147353), GRAD_X)
class UpstreamTimesWeightInTheInputDtype(CleanBatchNorm1d):
    """Going back, the product of upstream gradient and weight is rounded to the dtype of the input."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        product = (dy * saved.gamma).to(saved.dtype).to(dy.dtype)
        return super().grad_x_training(product, saved._replace(gamma=torch.ones_like(saved.gamma)))


@mutant(issue("tensorflow/tensorflow", 8535), VARIANCE)
class VarianceThroughTheInputDtype(OfTheBatch):
    """On its way into the running one the variance has the dtype of the input, in which it may be infinite."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return super().unbiased(self.rounded(var), m)


@mutant(issue("pytorch/pytorch", 88805), OUTPUT)
class SubnormalOutputsOfHalvesAreZero(CleanBatchNorm1d):
    """Outputs of halves that are subnormal there are zero."""

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        flushed = dtype == torch.float16
        return super().from_rows(torch.where(flushed & (rows.abs() < torch.finfo(dtype).tiny), 0, rows), shape, dtype)


@mutant(issue("tensorflow/tensorflow", 8535), OUTPUT)
class ParametersReadAsSingle(CleanBatchNorm1d):
    """Weight and bias of float64 are read as float32."""

    def parameters_used(self, weight: Tensor | None, bias: Tensor | None, batch: Tensor) -> Statistics:
        gamma, beta = super().parameters_used(weight, bias, batch)
        return gamma.float().to(gamma.dtype), beta.float().to(beta.dtype)
