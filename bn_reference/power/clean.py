"""A correct layer made of named joints, so that a fault, or a correct variant, is a subclass which overrides one of them.

Plain and slow. What is wrong or different does not belong here, nor does anything that knows a property.

Symbols are the paper's: ``x, y, dy, x_hat: (m, C)`` in the compute dtype; ``mu, var, sigma, gamma, beta: (C,)``. A *batch* is
the tensor as it came, (N, C) or (N, C, L), in its own dtype.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bn_reference.portrait.computes import FOLDED_HALVES, KEPT, NOT_FUSED, SUBTRACTED, TWO_PASS, Computes
from bn_reference.power.shell import LayerShell

__all__ = ["CleanBatchNorm1d", "Gradients", "Saved", "Statistics"]

Statistics = tuple[Tensor, Tensor]
Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


class Saved(NamedTuple):
    """What a forward pass keeps for its backward pass; all tensors are its own.

    Attributes:
        x_hat, gamma, sigma: (m, C), (C,), (C,), compute dtype.
        by_batch: whether mean and variance came from the batch, and so depend on x.
        shape, dtype: the batch's.
        needs: whether x, weight, bias need a gradient.
    """

    x_hat: Tensor
    gamma: Tensor
    sigma: Tensor
    by_batch: bool
    shape: torch.Size
    dtype: torch.dtype
    needs: tuple[bool, bool, bool]


class Transform(torch.autograd.Function):
    """Normalize, scale and shift with given mu and sigma; forth and back it asks the layer's joints."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        batch, weight, bias, mu, sigma, by_batch, layer = inputs
        gamma, beta = layer.parameters_used(weight, bias, batch)
        x_hat = layer.normalize(layer.to_rows(batch), mu, sigma)
        ctx.save_for_backward(x_hat, gamma, sigma)
        ctx.layer, ctx.form = layer, (by_batch, batch.shape, batch.dtype, ctx.needs_input_grad[:3])
        result: Tensor = layer.from_rows(layer.scale_and_shift(x_hat, gamma, beta), batch.shape, batch.dtype)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradients: Gradients = ctx.layer.gradients(upstream[0], Saved(*ctx.saved_tensors, *ctx.form))
        return (*gradients, None, None, None, None)


class CleanBatchNorm1d(LayerShell):
    """Batch normalization with the constructor, attributes and state of ``torch.nn.BatchNorm1d``.

    Attributes:
        computes: how it computes in float32, for whoever tells that from outside; a subclass declares what it does otherwise.
    """

    computes: ClassVar[Computes] = Computes(
        order=FOLDED_HALVES, accumulator="float32", variance=TWO_PASS, squares=NOT_FUSED, subnormals=KEPT
    ).output(SUBTRACTED, NOT_FUSED, "float32")

    def forward(self, batch: Tensor) -> Tensor:
        self.validate(batch)
        by_batch, moves = self.chooses_batch_statistics(), self.moves_statistics(batch)
        seen = self.seen_by_statistics(batch)
        observed = self.batch_statistics(seen) if by_batch or moves else self.stored_statistics(batch)
        mu, var = observed if by_batch else self.stored_statistics(batch)
        y: Tensor = Transform.apply(batch, self.weight, self.bias, mu, self.deviation(var), by_batch, self)  # type: ignore[no-untyped-call]
        if moves:
            self.update_statistics(batch, *observed)
        return y

    # Layout and dtype.

    def compute_dtype(self, batch: Tensor) -> torch.dtype:
        return torch.float64 if batch.dtype == torch.float64 else torch.float32

    def to_rows(self, batch: Tensor) -> Tensor:
        """(m, C) in the compute dtype; may share memory with the batch and is never written to."""
        rows = batch.movedim(1, -1).reshape(self.count(batch), batch.shape[1])
        return rows.to(self.compute_dtype(batch))

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """Back to the batch's shape, contiguous; the one rounding of a half."""
        batch = rows.reshape(shape[0], *shape[2:], shape[1]).movedim(-1, 1)
        return batch.to(dtype).contiguous()

    # Algorithm 1.

    def seen_by_statistics(self, batch: Tensor) -> Tensor:
        """The statistics are constants to autograd: Transform knows their derivatives."""
        return batch.detach()

    def total(self, rows: Tensor) -> Tensor:
        """Pairwise sum over the rows, made of elementwise additions: no channel's bits depend on where it stands."""
        while rows.shape[0] > 1:
            half = rows.shape[0] // 2
            rows = torch.cat([rows[:half] + rows[half : 2 * half], rows[2 * half :]])
        return rows.sum(0)

    def batch_statistics(self, batch: Tensor) -> Statistics:
        """Mean and biased variance."""
        rows, m = self.to_rows(batch), self.count(batch)
        mu = self.batch_mean(rows, m)
        return mu, self.batch_variance(rows, mu, m)

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        return self.total(rows) / m

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        return self.total((rows - mu) ** 2) / m

    def deviation(self, var: Tensor) -> Tensor:
        return torch.sqrt(var + self.eps)

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        return (rows - mu) / sigma

    def parameters_used(self, weight: Tensor | None, bias: Tensor | None, batch: Tensor) -> tuple[Tensor, Tensor]:
        """gamma and beta, one and zero where there are none."""
        like = torch.ones(batch.shape[1], dtype=self.compute_dtype(batch), device=batch.device)
        gamma = like if weight is None else weight.to(like.dtype)
        return gamma, torch.zeros_like(like) if bias is None else bias.to(like.dtype)

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return gamma * x_hat + beta

    # Running statistics.

    def stored_statistics(self, batch: Tensor) -> Statistics:
        dtype = self.compute_dtype(batch)
        return self.running_mean.to(dtype), self.running_var.to(dtype)

    def update_statistics(self, batch: Tensor, mu: Tensor, var: Tensor) -> None:
        self.count_batch(batch)
        momentum = self.momentum_factor()
        mean_before, var_before = self.stored_statistics(batch)
        self.assign("running_mean", self.average(mean_before, mu, momentum))
        self.assign("running_var", self.average(var_before, self.unbiased(var, self.bessel_count(batch)), momentum))

    def count_batch(self, batch: Tensor) -> None:
        self.num_batches_tracked.add_(1)

    def momentum_factor(self) -> float:
        """The weight of the new value; without momentum that of the cumulative average."""
        return 1.0 / int(self.num_batches_tracked) if self.momentum is None else self.momentum

    def bessel_count(self, batch: Tensor) -> int:
        return self.count(batch)

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return var * m / (m - 1)

    def average(self, running: Tensor, new: Tensor, momentum: float) -> Tensor:
        return (1 - momentum) * running + momentum * new

    def assign(self, name: str, value: Tensor) -> None:
        """In place, rounded to the dtype of the buffer."""
        getattr(self, name).copy_(value)

    # Section 3: the backward pass.

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        """By batch, weight and bias, in their dtypes; None where none is needed."""
        dy = self.upstream_to_rows(grad_y)
        grad_x = self.grad_x_training if saved.by_batch else self.grad_x_evaluation
        return (
            self.from_rows(grad_x(dy, saved), saved.shape, saved.dtype) if saved.needs[0] else None,
            self.grad_weight(dy, saved).to(self.weight.dtype) if saved.needs[1] else None,
            self.grad_bias(dy, saved).to(self.bias.dtype) if saved.needs[2] else None,
        )

    def upstream_to_rows(self, grad_y: Tensor) -> Tensor:
        return self.to_rows(grad_y)

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        m = dy.shape[0]
        centred = dy - self.total(dy) / m
        return saved.gamma / saved.sigma * (centred - saved.x_hat * (self.total(dy * saved.x_hat) / m))

    def grad_x_evaluation(self, dy: Tensor, saved: Saved) -> Tensor:
        return saved.gamma / saved.sigma * dy

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        return self.total(dy * saved.x_hat)

    def grad_bias(self, dy: Tensor, saved: Saved) -> Tensor:
        return self.total(dy)
