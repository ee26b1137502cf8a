"""Layers that no report tells of: broken in ways that invite a false explanation, and slips that the mutants leave out.

They stand beside the mutants only to see what is said of them; the power of the suite is not measured on them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from bn_reference.portrait.computes import FLUSHED
from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved
from bn_reference.power.declaration import Controls

__all__ = ["MALFORMED"]

MALFORMED = Controls()
layer = MALFORMED.control


def _scaled(gradients: Gradients, factor: float) -> Gradients:
    x, weight, bias = (None if each is None else each * factor for each in gradients)
    return x, weight, bias


@layer
class OneAdded(CleanBatchNorm1d):
    """One is added to the output."""

    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch) + 1


@layer
class SevenWhereConstant(CleanBatchNorm1d):
    """The output is 7 in channels that do not vary."""

    def forward(self, batch: Tensor) -> Tensor:
        axes = [axis for axis in range(batch.dim()) if axis != 1]
        varies = batch.amax(axes, keepdim=True) > batch.amin(axes, keepdim=True)
        return torch.where(varies, super().forward(batch), 7.0)


@layer
class OutputDoubled(CleanBatchNorm1d):
    """The output is twice what it should be, and so is every gradient."""

    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch) * 2


@layer
class GradientsDoubled(CleanBatchNorm1d):
    """Every gradient is twice what it should be."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        return _scaled(super().gradients(grad_y, saved), 2.0)


@layer
class GradientsOfNaN(CleanBatchNorm1d):
    """Every gradient is NaN."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        return _scaled(super().gradients(grad_y, saved), float("nan"))


@layer
class GradientsOfZero(CleanBatchNorm1d):
    """Every gradient is zero."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        return _scaled(super().gradients(grad_y, saved), 0.0)


@layer
class OutputOfNaN(CleanBatchNorm1d):
    """The output is NaN."""

    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch) * float("nan")


@layer
class OutputOfZero(CleanBatchNorm1d):
    """The output is zero."""

    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch) * 0


@layer
class FreedMemory(CleanBatchNorm1d):
    """The output is whatever lay in the memory that it was given."""

    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch) * 0 + torch.empty_like(batch)


@layer
class Noise(CleanBatchNorm1d):
    """A noise of one in a thousand is added to the output."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        return y + torch.randn_like(y) * 1e-3


@layer
class FaintNoise(CleanBatchNorm1d):
    """A noise just above the rounding of float32 multiplies the output."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        return y * (1 + torch.randn_like(y) * 1e-5)


@layer
class RootTooLarge(CleanBatchNorm1d):
    """The root is too large by 2^-12, as a table of roots may be."""

    def deviation(self, var: Tensor) -> Tensor:
        return super().deviation(var) * (1 + 2**-12)


@layer
class InputReturned(CleanBatchNorm1d):
    """The output is the input."""

    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch) * 0 + batch


@layer
class OneAddedToTheWeight(CleanBatchNorm1d):
    """The weight is kept less 1, as some layers have it, and used with 1 added."""

    def parameters_used(self, weight: Tensor | None, bias: Tensor | None, batch: Tensor) -> tuple[Tensor, Tensor]:
        gamma, beta = super().parameters_used(weight, bias, batch)
        return gamma if weight is None else gamma + 1, beta


@layer
class BiasTwice(CleanBatchNorm1d):
    """The bias is added twice."""

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return super().scale_and_shift(x_hat, gamma, beta) + beta


@layer
class UnbiasedAndDerived(CleanBatchNorm1d):
    """The batch is normalized with the unbiased variance, and autograd derives the gradient from that."""

    computes = CleanBatchNorm1d.computes.but(order=None, variance=None, squares=None)

    def forward(self, batch: Tensor) -> Tensor:
        if not self.chooses_batch_statistics():
            return super().forward(batch)
        self.validate(batch)
        rows = self.to_rows(batch)
        mu, var = rows.mean(0), rows.var(0)
        gamma, beta = self.parameters_used(self.weight, self.bias, batch)
        if self.moves_statistics(batch):
            self.update_statistics(batch, mu.detach(), var.detach())
        y = gamma * (rows - mu) / self.deviation(var) + beta
        return self.from_rows(y, batch.shape, batch.dtype)

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return var


@layer
class MomentumTakenForOne(CleanBatchNorm1d):
    """The statistics of the last batch replace the running ones."""

    def momentum_factor(self) -> float:
        return 1.0


@layer
class EpsInSingle(CleanBatchNorm1d):
    """Eps is held in float32."""

    def deviation(self, var: Tensor) -> Tensor:
        return torch.sqrt(var + float(np.float32(self.eps)))


@layer
class MomentumInSingle(CleanBatchNorm1d):
    """Momentum is held in float32."""

    def momentum_factor(self) -> float:
        return float(np.float32(super().momentum_factor()))


@layer
class SingleInside(CleanBatchNorm1d):
    """Doubles are computed with in float32."""

    def compute_dtype(self, batch: Tensor) -> torch.dtype:
        return torch.float32


@layer
class SubnormalsFlushed(CleanBatchNorm1d):
    """Subnormal numbers are read as zeros."""

    computes = CleanBatchNorm1d.computes.but(subnormals=FLUSHED)

    def to_rows(self, batch: Tensor) -> Tensor:
        smallest = torch.finfo(batch.dtype).tiny
        return super().to_rows(torch.where(batch.abs() < smallest, 0, batch))


@layer
class OutputKeptByShape(CleanBatchNorm1d):
    """The first output of each shape is kept, and returned for every batch of that shape."""

    kept: dict[Any, Tensor] = {}  # noqa: RUF012 - shared by all layers, that is the fault

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        key = (batch.shape, batch.dtype, self.training)
        return y * 0 + self.kept.setdefault(key, y.detach().clone())


@layer
class WeightGradientIsAMean(CleanBatchNorm1d):
    """The gradient of the weight is averaged over the rows."""

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        return super().grad_weight(dy, saved) / len(dy)
