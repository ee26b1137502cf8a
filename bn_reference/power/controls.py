"""Correct layers that compute otherwise than the clean one: the suite must pass every one of them, under any seed.

Each is a way in which real libraries compute batch normalization. A less stable algorithm (one-pass variance) is no control.
Other sums are in ``summation``, unusual styles in ``unusual``, other ways to differentiate in ``mechanics``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from bn_reference.portrait.computes import FOLDED, NOT_FUSED, SUBTRACTED, Computes
from bn_reference.power.clean import CleanBatchNorm1d, Saved
from bn_reference.power.declaration import Control, Controls
from bn_reference.power.mechanics import MECHANICS
from bn_reference.power.mutants.without_numbers import SAID_RIGHT
from bn_reference.power.summation import SUMMATION
from bn_reference.power.unusual import UNUSUAL

__all__ = ["CONTROLS", "Control"]

VARIANTS = Controls()


@VARIANTS.control
class DoubleInside(CleanBatchNorm1d):
    """Everything is computed in float64 and rounded once at the end."""

    computes = CleanBatchNorm1d.computes.but(accumulator="float64").output(SUBTRACTED, NOT_FUSED, "float64")

    def compute_dtype(self, batch: Tensor) -> torch.dtype:
        return torch.float64


@VARIANTS.control
class FoldedScaleAndShift(CleanBatchNorm1d):
    """The output is one product and one sum, x * a + c, as kernels for inference compute it."""

    computes = CleanBatchNorm1d.computes.output(FOLDED, NOT_FUSED, "float32")

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        self._folded = rows, mu, 1 / sigma  # for the very next joint
        return super().normalize(rows, mu, sigma)

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        rows, mu, inverse = self._folded
        scale = gamma * inverse
        return rows * scale + (beta - mu * scale)


@VARIANTS.control
class ReciprocalMultiplication(CleanBatchNorm1d):
    """Divisions by the deviation and by m are products with a rounded reciprocal."""

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        return self.total(rows) * self._reciprocal(rows, m)

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        return self.total((rows - mu) ** 2) * self._reciprocal(rows, m)

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        return (rows - mu) * (1 / sigma)

    @staticmethod
    def _reciprocal(rows: Tensor, m: int) -> Tensor:
        return 1 / torch.tensor(m, dtype=rows.dtype, device=rows.device)


@VARIANTS.control
class ScaledReciprocal(CleanBatchNorm1d):
    """Weight and inverse deviation are multiplied first, (x - mu) * (gamma / sigma) + beta."""

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        self._parts = rows - mu, sigma  # for the very next joint
        return super().normalize(rows, mu, sigma)

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        centred, sigma = self._parts
        return centred * (gamma / sigma) + beta


@VARIANTS.control
class FoldedBackward(CleanBatchNorm1d):
    """The gradient of the input is alpha * dy + b * x_hat + c with one coefficient of each kind a channel."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        m = dy.shape[0]
        alpha = saved.gamma / saved.sigma
        slope = -alpha * (self.total(dy * saved.x_hat) / m)
        return alpha * dy + slope * saved.x_hat - alpha * (self.total(dy) / m)


@VARIANTS.control
class PaperBackward(CleanBatchNorm1d):
    """The gradient of the input takes the paper's way through the gradients of variance and mean."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        m, sigma = dy.shape[0], saved.sigma
        dx_hat, centred = dy * saved.gamma, saved.x_hat * sigma
        dvar = self.total(dx_hat * centred) * (-1 / (2 * sigma**3))
        dmu = -self.total(dx_hat) / sigma + dvar * self.total(-2 * centred) / m
        return dx_hat / sigma + dvar * 2 * centred / m + dmu / m


@VARIANTS.control
class DerivedGradient(CleanBatchNorm1d):
    """Nobody wrote the gradient: autograd derives it from Algorithm 1."""

    def forward(self, batch: Tensor) -> Tensor:
        self.validate(batch)
        wide = batch.to(self.compute_dtype(batch))  # once, so that the gradient of a half is rounded once
        mu, var = self.batch_statistics(wide) if self.chooses_batch_statistics() else self.stored_statistics(wide)
        gamma, beta = self.parameters_used(self.weight, self.bias, wide)
        x_hat = self.normalize(self.to_rows(wide), mu, self.deviation(var))
        if self.moves_statistics(batch):
            self.update_statistics(batch, mu.detach(), var.detach())
        return self.from_rows(self.scale_and_shift(x_hat, gamma, beta), batch.shape, batch.dtype)


@VARIANTS.control
class LerpUpdate(CleanBatchNorm1d):
    """The running update is r + f * (s - r), as torch.lerp has it."""

    def average(self, running: Tensor, new: Tensor, momentum: float) -> Tensor:
        return running + momentum * (new - running)


@VARIANTS.control
class BesselFirst(CleanBatchNorm1d):
    """The unbiased variance is the biased one times a rounded m / (m - 1)."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return var * torch.tensor(m / (m - 1), dtype=var.dtype, device=var.device)


@VARIANTS.control
class FrameworkFunction(CleanBatchNorm1d):
    """The framework's functional form computes all, on contiguous copies in the compute dtype."""

    computes = Computes()  # all is the framework's

    def forward(self, batch: Tensor) -> Tensor:
        self.validate(batch)
        by_batch, moves = self.chooses_batch_statistics(), self.moves_statistics(batch)
        wide = batch.to(self.compute_dtype(batch)).contiguous()
        gamma, beta = self.parameters_used(self.weight, self.bias, batch)
        copies: Any = [each.clone() for each in self.stored_statistics(batch)] if moves or not by_batch else (None, None)
        if moves:
            self.count_batch(batch)
        y = functional.batch_norm(
            wide, copies[0], copies[1], gamma, beta, by_batch, self.momentum_factor() if moves else 0.0, self.eps
        )
        if moves:
            self.assign("running_mean", copies[0])
            self.assign("running_var", copies[1])
        return y.to(batch.dtype)


@VARIANTS.control
class IntegersInIntegersOut(CleanBatchNorm1d):
    """Integers are normalized as floats, and the output has the input's dtype, as ``y.to(x.dtype)`` leaves it."""

    def forward(self, batch: Tensor) -> Tensor:
        if batch.is_floating_point() or batch.is_complex():
            return super().forward(batch)
        own = self.weight if self.affine else self.running_mean
        return super().forward(batch.to(own.dtype if own is not None else torch.float32)).to(batch.dtype)


CONTROLS: tuple[Control, ...] = (
    *SUMMATION.controls,
    *VARIANTS.controls,
    *UNUSUAL.controls,
    *MECHANICS.controls,
    *SAID_RIGHT.controls,
)
