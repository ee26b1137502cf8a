"""Correct layers in unusual styles: sums as products, other factorings, other kernels, numbers kept otherwise."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from bn_reference.portrait.computes import MERGED, SHIFTED, SUBTRACTED, Computes
from bn_reference.power.clean import CleanBatchNorm1d, Saved, Statistics
from bn_reference.power.declaration import Controls

__all__ = ["UNUSUAL"]

UNUSUAL = Controls()


@UNUSUAL.control
class OnePassInDouble(CleanBatchNorm1d):
    """Sum and sum of squares come from one pass in float64, where a float32's squares are exact."""

    computes = CleanBatchNorm1d.computes.but(accumulator="float64", variance=SHIFTED, squares=None)

    def batch_statistics(self, batch: Tensor) -> Statistics:
        if batch.dtype == torch.float64 or not self.count(batch):
            return super().batch_statistics(batch)
        rows, m = self.to_rows(batch).double(), self.count(batch)
        # about the first row, so that what cancels is as small as the batch is wide
        apart = rows - rows[0]
        mean, squares = self.total(apart) / m, self.total(apart * apart)
        var = torch.clamp(squares / m - mean * mean, min=0.0)
        return (rows[0] + mean).float(), var.float()


@UNUSUAL.control
class SumsAsProducts(CleanBatchNorm1d):
    """Every sum over the rows is a product with a row of ones."""

    computes = CleanBatchNorm1d.computes.but(order=None, accumulator=None, squares=None)  # the product is the framework's

    def total(self, rows: Tensor) -> Tensor:
        # channel by channel, so that no channel's bits depend on another
        ones = torch.ones(1, len(rows), dtype=rows.dtype, device=rows.device)
        parts = [(ones @ rows[:, c : c + 1]).reshape(1) for c in range(rows.shape[1])]
        return torch.cat(parts) if parts else rows.sum(0)


@UNUSUAL.control
class SumsByEinsum(CleanBatchNorm1d):
    """Every sum is written as an Einstein sum."""

    computes = CleanBatchNorm1d.computes.but(order=None, accumulator=None)  # the framework's

    def total(self, rows: Tensor) -> Tensor:
        return torch.stack([torch.einsum("i->", column) for column in rows.T.contiguous()])


@UNUSUAL.control
class BlockedSums(CleanBatchNorm1d):
    """Sums are made of blocks of seven rows, whose sums are added one after another."""

    computes = CleanBatchNorm1d.computes.but(order=None)  # that of a block is the framework's

    def total(self, rows: Tensor) -> Tensor:
        result = torch.zeros_like(rows[:1]).sum(0)
        for block in rows.split(7):
            result = result + block.sum(0)
        return result


@UNUSUAL.control
class DeviationSquared(CleanBatchNorm1d):
    """The variance is the square of a standard deviation."""

    computes = CleanBatchNorm1d.computes.but(variance=None, squares=None)

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        variance = super().batch_variance(rows, mu, m)
        root = torch.sqrt(variance)
        squared = root * root
        # the square of a root that underflows or overflows is none of the variance
        tiny = torch.finfo(variance.dtype).tiny
        return torch.where((squared > tiny) & squared.isfinite(), squared, variance)


@UNUSUAL.control
class TorchLerp(CleanBatchNorm1d):
    """The running update is torch.lerp."""

    def average(self, running: Tensor, new: Tensor, momentum: float) -> Tensor:
        return torch.lerp(running, new, momentum)


@UNUSUAL.control
class CountFactoredOut(CleanBatchNorm1d):
    """The gradient of the input is gamma / (m sigma) (m dy - sum(dy) - x_hat sum(dy x_hat))."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        m = dy.shape[0]
        inner = m * dy - self.total(dy) - saved.x_hat * self.total(dy * saved.x_hat)
        return saved.gamma / (m * saved.sigma) * inner


@UNUSUAL.control
class FusedForms(CleanBatchNorm1d):
    """The output is torch.addcmul with a reciprocal root."""

    computes = CleanBatchNorm1d.computes.output(SUBTRACTED, None, "float32")

    def deviation(self, var: Tensor) -> Tensor:
        return torch.rsqrt(var + self.eps).reciprocal()

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return torch.addcmul(beta, x_hat, gamma)


@UNUSUAL.control
class InPlaceThroughout(CleanBatchNorm1d):
    """Every step of the forward pass works in the memory of the last, which is the layer's own."""

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        return rows.clone().sub_(mu).div_(sigma)

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return x_hat.clone().mul_(gamma).add_(beta)

    def average(self, running: Tensor, new: Tensor, momentum: float) -> Tensor:
        return running.clone().mul_(1 - momentum).add_(new * momentum)


@UNUSUAL.control
class ChannelsFirst(CleanBatchNorm1d):
    """Sums run along the last axis of a matrix of channels by rows."""

    def total(self, rows: Tensor) -> Tensor:
        columns = rows.T.contiguous()
        while columns.shape[1] > 1:
            half = columns.shape[1] // 2
            columns = torch.cat([columns[:, :half] + columns[:, half : 2 * half], columns[:, 2 * half :]], 1)
        return columns.sum(1)


@UNUSUAL.control
class Workspace(CleanBatchNorm1d):
    """Sums are made in a buffer that is kept, as large as the largest batch so far."""

    def total(self, rows: Tensor) -> Tensor:
        kept = self.__dict__.get("_workspace")
        if kept is None or kept.dtype != rows.dtype or kept.device != rows.device or kept.numel() < rows.numel():
            kept = self.__dict__["_workspace"] = torch.empty(rows.numel(), dtype=rows.dtype, device=rows.device)
        if torch.is_inference_mode_enabled() or kept.is_inference():
            kept = torch.empty(rows.numel(), dtype=rows.dtype, device=rows.device)
        own = kept[: rows.numel()].view(rows.shape)
        own.copy_(rows)
        m = len(own)
        while m > 1:
            half = m // 2
            own[:half] += own[half : 2 * half]
            if m % 2:
                own[half] = own[m - 1]
            m = half + m % 2
        return own[:1].sum(0)


@UNUSUAL.control
class KeptUntilChanged(CleanBatchNorm1d):
    """In eval the deviation is kept as long as the running variance holds the same numbers, and eps is the same."""

    def deviation(self, var: Tensor) -> Tensor:
        if self.training or not self.has_statistics():
            return super().deviation(var)
        kept = self.__dict__.get("_kept")
        if kept is None or kept[0] != self.eps or kept[1].dtype != var.dtype or not torch.equal(kept[1], var):
            kept = self.__dict__["_kept"] = self.eps, var.clone(), super().deviation(var)
        return kept[2].clone()


@UNUSUAL.control
class LayerNormOfTheTransposed(CleanBatchNorm1d):
    """The batch, transposed, is normalized by the framework's layer norm, each channel by itself."""

    computes = CleanBatchNorm1d.computes.but(training=None, training_multiply_add=None, training_format=None)

    def forward(self, batch: Tensor) -> Tensor:
        self.validate(batch)
        if not self.chooses_batch_statistics() or not self.count(batch):
            return super().forward(batch)
        wide = batch.to(self.compute_dtype(batch))
        rows = self.to_rows(wide)
        gamma, beta = self.parameters_used(self.weight, self.bias, batch)
        x_hat = functional.layer_norm(rows.T.contiguous(), (len(rows),), eps=self.eps).T
        if self.moves_statistics(batch):
            self.update_statistics(batch, *self.batch_statistics(batch.detach()))
        return self.from_rows(self.scale_and_shift(x_hat, gamma, beta), batch.shape, batch.dtype)


@UNUSUAL.control
class GroupNormOfOneSample(CleanBatchNorm1d):
    """The batch is one sample of as many groups as channels, which the framework's group norm normalizes."""

    computes = CleanBatchNorm1d.computes.but(training=None, training_multiply_add=None, training_format=None)

    def forward(self, batch: Tensor) -> Tensor:
        self.validate(batch)
        if not self.chooses_batch_statistics() or not self.count(batch):
            return super().forward(batch)
        wide = batch.to(self.compute_dtype(batch))
        gamma, beta = self.parameters_used(self.weight, self.bias, batch)
        sample = self.to_rows(wide).T.contiguous()[None]
        y = functional.group_norm(sample, batch.shape[1], gamma, beta, self.eps)[0].T
        if self.moves_statistics(batch):
            self.update_statistics(batch, *self.batch_statistics(batch.detach()))
        return self.from_rows(y, batch.shape, batch.dtype)


@UNUSUAL.control
class Decomposition(CleanBatchNorm1d):
    """The framework's decomposition of its own batch norm computes the output, and autograd the gradient."""

    computes = Computes()  # all is the framework's

    def forward(self, batch: Tensor) -> Tensor:
        from torch._decomp.decompositions import native_batch_norm

        self.validate(batch)
        by_batch, moves = self.chooses_batch_statistics(), self.moves_statistics(batch)
        if not self.count(batch):
            return super().forward(batch)
        wide = batch.to(self.compute_dtype(batch)).contiguous()
        gamma, beta = self.parameters_used(self.weight, self.bias, batch)
        copies: Any = [each.clone() for each in self.stored_statistics(batch)] if moves or not by_batch else (None, None)
        if moves:
            self.count_batch(batch)
        momentum = self.momentum_factor() if moves else 0.0
        y, *_ = native_batch_norm(wide, gamma, beta, copies[0], copies[1], by_batch, momentum, self.eps)
        if moves:
            self.assign("running_mean", copies[0].detach())
            self.assign("running_var", copies[1].detach())
        return y.to(batch.dtype)


@UNUSUAL.control
class MergedInPairs(CleanBatchNorm1d):
    """Mean and squares are merged in pairs from single rows upward, all channels at once (Chan, Golub and LeVeque 1979)."""

    computes = CleanBatchNorm1d.computes.but(variance=MERGED, squares=None)

    def batch_statistics(self, batch: Tensor) -> Statistics:
        mean, m = self.to_rows(batch), self.count(batch)
        squares, counts = torch.zeros_like(mean), torch.ones(m, 1, dtype=mean.dtype, device=mean.device)
        while len(mean) > 1:
            half = len(mean) // 2
            left, right = slice(0, half), slice(half, 2 * half)
            both, apart = counts[left] + counts[right], mean[right] - mean[left]
            merged = mean[left] + apart * (counts[right] / both)
            squares_of_both = squares[left] + squares[right] + apart**2 * (counts[left] * counts[right] / both)
            mean = torch.cat([merged, mean[2 * half :]])
            squares = torch.cat([squares_of_both, squares[2 * half :]])
            counts = torch.cat([both, counts[2 * half :]])
        return mean.sum(0), squares.sum(0) / max(m, 1)


@UNUSUAL.control
class KeptInPythonToo(CleanBatchNorm1d):
    """The number of batches is counted in Python, read from the buffer before and written to it after each step."""

    def count_batch(self, batch: Tensor) -> None:
        counted: int = int(self.num_batches_tracked) + 1
        with torch.no_grad():
            self.num_batches_tracked.fill_(counted)

    def assign(self, name: str, value: Tensor) -> None:
        buffer: Tensor = getattr(self, name)
        with torch.no_grad():
            buffer.copy_(value.detach().to(buffer.dtype))
