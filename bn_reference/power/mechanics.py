"""Correct layers whose derivatives come about otherwise: what comes forward is the clean layer's, or nearly."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from bn_reference.portrait.computes import FOLDED, Computes
from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved
from bn_reference.power.declaration import Controls
from bn_reference.power.differentiable import DifferentiableBatchNorm1d

__all__ = ["MECHANICS"]

MECHANICS = Controls()


@MECHANICS.control
class OwnSecondGradient(DifferentiableBatchNorm1d):
    """Second gradients, tangents and vectorized evaluations are short formulas, written by hand."""


class Composed(CleanBatchNorm1d):
    """Nobody wrote a gradient; subclasses say how statistics and output are composed of the framework's operations."""

    def forward(self, batch: Tensor) -> Tensor:
        self.validate(batch)
        wide = batch.to(self.compute_dtype(batch))
        over = [axis for axis in range(batch.dim()) if axis != 1]
        aligned = [-1 if axis == 1 else 1 for axis in range(batch.dim())]
        by_batch, moves = self.chooses_batch_statistics(), self.moves_statistics(batch)
        mu, var = self.moments(wide, over) if by_batch and self.count(batch) else self.stored_statistics(batch)
        gamma, beta = self.parameters_used(self.weight, self.bias, batch)
        y = self.composed(wide, *(each.reshape(aligned) for each in (mu, var, gamma, beta)))
        if moves:
            self.update_statistics(batch, mu.detach(), var.detach())
        return y.to(batch.dtype)

    def moments(self, wide: Tensor, over: list[int]) -> tuple[Tensor, Tensor]:
        var, mu = torch.var_mean(wide, over, correction=0)
        return mu, var

    def composed(self, x: Tensor, mu: Tensor, var: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        raise NotImplementedError


@MECHANICS.control
class VarMeanAndReciprocalRoot(Composed):
    """The framework's var_mean and rsqrt, scale and shift folded into one addcmul, all left to autograd."""

    computes = Computes().output(FOLDED, None, "float32")

    def composed(self, x: Tensor, mu: Tensor, var: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        scale = gamma * torch.rsqrt(var + self.eps)
        return torch.addcmul(beta - mu * scale, x, scale)


@MECHANICS.control
class SquareOfTheDeviation(VarMeanAndReciprocalRoot):
    """The variance is the square of the framework's standard deviation, a root that has no derivative at zero."""

    def moments(self, wide: Tensor, over: list[int]) -> tuple[Tensor, Tensor]:
        std, mu = torch.std_mean(wide, over, correction=0)
        return mu, std**2


@MECHANICS.control
class ShiftedData(VarMeanAndReciprocalRoot):
    """Mean and variance come in one pass over what is left of the batch without its first row."""

    def moments(self, wide: Tensor, over: list[int]) -> tuple[Tensor, Tensor]:
        rows = wide.movedim(1, -1).reshape(-1, wide.shape[1])
        first = rows[0].detach()
        mu, squares = (rows - first).mean(0), ((rows - first) ** 2).mean(0)
        return first + mu, (squares - mu**2).clamp_min(0.0)


@MECHANICS.control
class PowersOfTheVariance(Composed):
    """The mean square of differences and its power of minus one half, all left to autograd."""

    computes = CleanBatchNorm1d.computes.but(order=None, accumulator=None)

    def moments(self, wide: Tensor, over: list[int]) -> tuple[Tensor, Tensor]:
        mu = wide.mean(over, keepdim=True)
        return mu.flatten(), ((wide - mu) * (wide - mu)).mean(over)

    def composed(self, x: Tensor, mu: Tensor, var: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return (x - mu) * torch.pow(var + self.eps, -0.5) * gamma + beta


class Again(torch.autograd.Function):
    """Keeps its inputs alone and makes what it needs of them again, going back, so that autograd can follow."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        batch, weight, bias, layer, constants = inputs
        ctx.save_for_backward(batch, weight, bias)
        ctx.layer, ctx.constants = layer, constants
        result: Tensor = layer.made(batch, weight, bias, constants)
        return result

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Any, ...]:
        batch, weight, bias = ctx.saved_tensors
        mu, var = ctx.constants or ctx.layer.batch_statistics(batch)
        gamma, _ = ctx.layer.parameters_used(weight, bias, batch)
        sigma, dy = ctx.layer.deviation(var), ctx.layer.to_rows(upstream[0])
        x_hat = ctx.layer.normalize(ctx.layer.to_rows(batch), mu, sigma)
        needs = ctx.needs_input_grad[:3]
        saved = Saved(x_hat, gamma, sigma, not ctx.constants, batch.shape, batch.dtype, needs)
        grads: Gradients = ctx.layer.of_rows(dy, saved)
        return (*grads, None, None)


@MECHANICS.control
class MadeAgainGoingBack(CleanBatchNorm1d):
    """The backward pass computes statistics and normalized batch again, in operations that autograd follows."""

    def forward(self, batch: Tensor) -> Tensor:
        self.validate(batch)
        by_batch, moves = self.chooses_batch_statistics(), self.moves_statistics(batch)
        constants = None if by_batch else tuple(each.clone() for each in self.stored_statistics(batch))
        y: Tensor = Again.apply(batch, self.weight, self.bias, self, constants)  # type: ignore[no-untyped-call]
        if moves:
            self.update_statistics(batch, *self.batch_statistics(batch.detach()))
        return y

    def made(self, batch: Tensor, weight: Any, bias: Any, constants: Any) -> Tensor:
        """The output of a batch."""
        mu, var = constants or self.batch_statistics(batch)
        gamma, beta = self.parameters_used(weight, bias, batch)
        x_hat = self.normalize(self.to_rows(batch), mu, self.deviation(var))
        return self.from_rows(self.scale_and_shift(x_hat, gamma, beta), batch.shape, batch.dtype)

    def of_rows(self, dy: Tensor, saved: Saved) -> Gradients:
        grad_x = self.grad_x_training if saved.by_batch else self.grad_x_evaluation
        weight, bias = self.weight, self.bias
        return (
            self.from_rows(grad_x(dy, saved), saved.shape, saved.dtype) if saved.needs[0] else None,
            self.grad_weight(dy, saved).to(weight.dtype) if saved.needs[1] else None,
            self.grad_bias(dy, saved).to(bias.dtype) if saved.needs[2] else None,
        )


@MECHANICS.control
class BackwardInNumpy(CleanBatchNorm1d):
    """The gradient of the input is computed by NumPy, which nothing records."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        upstream, x_hat = dy.cpu().numpy(), saved.x_hat.cpu().numpy()
        with np.errstate(all="ignore"):
            m = upstream.dtype.type(len(upstream))
            centred = upstream - upstream.sum(axis=0, dtype=upstream.dtype) / m
            slope = (upstream * x_hat).sum(axis=0, dtype=upstream.dtype) / m
            rest = torch.from_numpy(centred - x_hat * slope).to(dy.device)
        return saved.gamma / saved.sigma * rest
