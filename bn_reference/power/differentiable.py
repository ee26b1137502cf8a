"""A correct layer whose derivatives beyond the first backward pass are joints too: of gradients, in forward mode, vectorized.

Symbols are those of ``clean``; ``u, v, w`` are directions of x, weight, bias. With ``P u = u - mean(u) - x_hat mean(u x_hat)``,
which is its own transpose, a training step has the tangent ``gamma / sigma P u + v x_hat + w``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bn_reference.power.clean import CleanBatchNorm1d, Saved

__all__ = ["Along", "DifferentiableBatchNorm1d"]


class Along(NamedTuple):
    """Directions of x (m, C), weight and bias (C,), in the compute dtype."""

    x: Tensor
    weight: Tensor
    bias: Tensor


class Transform(torch.autograd.Function):
    """Normalize, scale and shift; all that is derived from it asks the layer's joints."""

    @staticmethod
    def forward(*inputs: Any) -> Tensor:
        batch, weight, bias, mu, sigma, _, layer = inputs
        gamma, beta = layer.parameters_used(weight, bias, batch)
        x_hat = layer.normalize(layer.to_rows(batch), mu, sigma)
        result: Tensor = layer.from_rows(layer.scale_and_shift(x_hat, gamma, beta), batch.shape, batch.dtype)
        return result

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        *tensors, by_batch, layer = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)
        ctx.layer, ctx.by_batch = layer, by_batch

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Any, ...]:
        constants = ctx.layer, ctx.by_batch, ctx.needs_input_grad[:3]
        grads = Backward.apply(upstream[0], *ctx.saved_tensors, *constants)  # type: ignore[no-untyped-call]
        return (*grads, None, None, None, None)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        batch, weight, bias, mu, sigma = ctx.saved_tensors
        saved = saved_of(ctx.layer, batch, weight, bias, mu, sigma, ctx.by_batch)
        along = along_of(ctx.layer, batch, *tangents[:3])
        tangent: Tensor = ctx.layer.from_rows(ctx.layer.forward_tangent(along, saved), batch.shape, batch.dtype)
        return tangent

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[Tensor, int]:
        """One batch after another: of the inputs the batch alone is one of several."""
        if any(dim is not None for dim in in_dims[1:3]):
            raise NotImplementedError("weight and bias are the same for all batches")
        batches, weight, bias, mu, sigma, by_batch, layer = inputs
        several = batches.movedim(in_dims[0], 0)
        results: Tensor = layer.mapped(several, weight, bias, (mu, in_dims[3]), (sigma, in_dims[4]), by_batch)
        return results, 0


class Backward(torch.autograd.Function):
    """The backward pass, which can itself be gone back through, once."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        dy, batch, weight, bias, mu, sigma, layer, by_batch, needs = inputs
        ctx.save_for_backward(dy, batch, weight, bias, mu, sigma)
        ctx.layer, ctx.by_batch = layer, by_batch
        ctx.set_materialize_grads(False)
        saved = saved_of(layer, batch, weight, bias, mu, sigma, by_batch)
        return layer.gradients(dy, saved._replace(needs=needs))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *along: Any) -> tuple[Any, ...]:
        dy, batch, weight, bias, mu, sigma = ctx.saved_tensors
        layer, saved = ctx.layer, saved_of(ctx.layer, batch, weight, bias, mu, sigma, ctx.by_batch)
        grads = layer.second_gradients(layer.to_rows(dy), along_of(layer, batch, *along), saved)
        by_dy, by_x = (layer.from_rows(each, batch.shape, batch.dtype) for each in (grads[0], grads[1]))
        by_weight = None if weight is None else grads[2].to(weight.dtype)
        return (by_dy, by_x, by_weight, *[None] * 6)


def saved_of(layer: Any, batch: Tensor, weight: Any, bias: Any, mu: Tensor, sigma: Tensor, by_batch: bool) -> Saved:
    """What was normalized, made again."""
    gamma, _ = layer.parameters_used(weight, bias, batch)
    x_hat = layer.normalize(layer.to_rows(batch), mu, sigma)
    return Saved(x_hat, gamma, sigma, by_batch, batch.shape, batch.dtype, (True, weight is not None, bias is not None))


def along_of(layer: Any, batch: Tensor, u: Any, v: Any, w: Any) -> Along:
    """The directions; zeros where there is none."""
    zeros = torch.zeros(batch.shape[1], dtype=layer.compute_dtype(batch), device=batch.device)
    rows = torch.zeros_like(layer.to_rows(batch)) if u is None else layer.to_rows(u)
    return Along(rows, *(zeros if vector is None else vector.to(zeros.dtype) for vector in (v, w)))


class DifferentiableBatchNorm1d(CleanBatchNorm1d):
    """A layer whose second gradients, tangents and vectorized evaluations are formulas of its own."""

    transform: Any = Transform

    def forward(self, batch: Tensor) -> Tensor:
        self.validate(batch)
        by_batch, moves = self.chooses_batch_statistics(), self.moves_statistics(batch)
        with torch.no_grad():
            observed = self.observed(batch) if by_batch or moves else self.stored_statistics(batch)
        mu, var = observed if by_batch else self.stored_statistics(batch)
        y: Tensor = self.transform.apply(batch, self.weight, self.bias, mu, self.deviation(var), by_batch, self)
        if moves:
            self.update_statistics(batch, *observed)
        return y

    def observed(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """The batch's statistics as constants, in forward mode too."""
        return self.batch_statistics(torch.autograd.forward_ad.unpack_dual(batch.detach()).primal)

    # Derivatives of the gradients, by dy, x and weight, of <dx, u> + <dgamma, v> + <dbeta, w>.

    def second_gradients(self, dy: Tensor, along: Along, saved: Saved) -> tuple[Tensor, Tensor, Tensor]:
        by_x = self.second_by_x_in_training if saved.by_batch else self.second_by_x_in_evaluation
        return self.second_by_upstream(along, saved), by_x(dy, along, saved), self.second_by_weight(dy, along, saved)

    def projected(self, rows: Tensor, saved: Saved) -> Tensor:
        """P u in training, u itself in eval."""
        if not saved.by_batch:
            return rows
        m = len(rows)
        return rows - self.total(rows) / m - saved.x_hat * (self.total(rows * saved.x_hat) / m)

    def second_by_x_in_training(self, dy: Tensor, along: Along, saved: Saved) -> Tensor:
        m, inverse, x_hat = len(dy), 1 / saved.sigma, saved.x_hat
        through_weight = along.weight * inverse * self.projected(dy, saved)
        a, b = self.total(dy * x_hat) / m, self.total(along.x * x_hat) / m
        product = self.total(dy * self.projected(along.x, saved)) / m
        curved = product * x_hat + b * self.projected(dy, saved) + a * self.projected(along.x, saved)
        return through_weight - saved.gamma * inverse * inverse * curved

    def second_by_x_in_evaluation(self, dy: Tensor, along: Along, saved: Saved) -> Tensor:
        return along.weight / saved.sigma * dy

    def second_by_weight(self, dy: Tensor, along: Along, saved: Saved) -> Tensor:
        return self.total(dy * self.projected(along.x, saved)) / saved.sigma

    def second_by_upstream(self, along: Along, saved: Saved) -> Tensor:
        return self.tangent(along, saved)

    # Forward mode.

    def tangent(self, along: Along, saved: Saved) -> Tensor:
        return saved.gamma / saved.sigma * self.projected(along.x, saved) + along.weight * saved.x_hat + along.bias

    def forward_tangent(self, along: Along, saved: Saved) -> Tensor:
        return self.tangent(along, saved)

    # Several batches at once, (B, N, C) or (B, N, C, L); mu and sigma with the axis in which they are several.

    def mapped(self, several: Tensor, weight: Any, bias: Any, mu: Any, sigma: Any, by_batch: bool) -> Tensor:
        return torch.stack(
            [
                Transform.forward(batch, weight, bias, _chosen(mu, i), _chosen(sigma, i), by_batch, self)
                for i, batch in enumerate(several)
            ]
        )


def _chosen(several: tuple[Tensor, int | None], index: int) -> Tensor:
    tensor, dim = several
    return tensor if dim is None else tensor.select(dim, index)
