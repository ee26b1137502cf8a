"""Mutants of how x and the upstream gradient lie in memory: misread, refused, or paired with another channel."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.mutants.lives import EVALUATION, GRAD_WEIGHT, GRAD_X

__all__ = ["LAYOUTS"]

LAYOUTS = Family()
mutant = LAYOUTS.mutant

LAYOUT, UPSTREAM = "every_layout_agrees_with_the_contiguous_one", "strided_upstream_gradients_agree"


def channels_last(batch: Tensor) -> bool:
    """Whether (N, C, L) is stored as (N, L, C)."""
    return batch.dim() == 3 and min(batch.shape[1:]) > 1 and batch.stride()[1:] == (1, batch.shape[1])


def misread(rows: Tensor, shape: torch.Size) -> Tensor:
    """The rows of a batch whose memory (N, L, C) is read as if it held (N, C, L)."""
    return rows.reshape(shape).movedim(1, -1).reshape(rows.shape)


@mutant(issue("pytorch/pytorch", 174345), LAYOUT)
class OffsetIgnoredWhereChannelsLieLast(CleanBatchNorm1d):
    """A batch that is stored channels last is read from the start of its memory, wherever in it it begins."""

    def to_rows(self, batch: Tensor) -> Tensor:
        from_the_start = channels_last(batch) and batch.storage_offset() > 0
        return super().to_rows(torch.as_strided(batch, batch.shape, batch.stride(), 0) if from_the_start else batch)

    def upstream_to_rows(self, grad_y: Tensor) -> Tensor:
        return super().to_rows(grad_y)


class Laid(CleanBatchNorm1d):
    """A layer that knows how the latest batch of a shape lay; no mutant."""

    def forward(self, batch: Tensor) -> Tensor:
        self.__dict__.setdefault("_last", {})[batch.shape] = channels_last(batch)
        return super().forward(batch)

    def lay_last(self, saved: Saved) -> bool:
        """Whether the batch was stored channels last."""
        last: bool = self.__dict__["_last"].get(saved.shape, False)
        return last


@mutant(pull("pytorch/pytorch", 181411), GRAD_X, GRAD_WEIGHT, LAYOUT)
class BatchMisreadGoingBack(Laid):
    """The backward pass reads a batch that is stored channels last as if it lay in order; the gradient of the bias is right."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        x_hat = misread(saved.x_hat, saved.shape) if self.lay_last(saved) else saved.x_hat
        return super().gradients(grad_y, saved._replace(x_hat=x_hat))


@mutant(issue("pytorch/pytorch", 64039), GRAD_X, GRAD_WEIGHT, LAYOUT)
class BatchReadAsTheUpstreamLies(Laid):
    """Where the batch is stored channels last and the upstream gradient is not, going back it is read as that lies."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        other = self.lay_last(saved) and not channels_last(grad_y)
        return super().gradients(grad_y, saved._replace(x_hat=misread(saved.x_hat, saved.shape) if other else saved.x_hat))


@mutant(pull("pytorch/pytorch", 169372), GRAD_X, LAYOUT)
class OtherAxesSummedGoingBack(Laid):
    """For a batch that is stored channels last the backward pass takes its means over other axes than those of the channels."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        if not self.lay_last(saved):
            return super().grad_x_training(dy, saved)
        m, other = len(dy), misread(dy, saved.shape)
        slope = self.total(other * misread(saved.x_hat, saved.shape)) / m
        return saved.gamma / saved.sigma * (dy - self.total(other) / m - saved.x_hat * slope)


@mutant(issue("braindecode/braindecode", 1086), GRAD_X, LAYOUT)
class PermutedBatchRefusedGoingBack(Laid):
    """The backward pass through a batch that is stored channels last fails, as it takes a view of it."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        if self.lay_last(saved):
            raise RuntimeError("view size is not compatible with input tensor's size and stride")
        return super().gradients(grad_y, saved)


@mutant(issue("pytorch/pytorch", 1866), GRAD_X, UPSTREAM)
class StridedUpstreamRefused(CleanBatchNorm1d):
    """The backward pass fails from an upstream gradient that is not contiguous, such as a sum gives."""

    def upstream_to_rows(self, grad_y: Tensor) -> Tensor:
        if not grad_y.is_contiguous():
            raise RuntimeError("CUDNN_STATUS_BAD_PARAM")
        return super().upstream_to_rows(grad_y)


@mutant(pull("microsoft/onnxruntime", 24404), EVALUATION)
class ChannelOfAnotherVector(CleanBatchNorm1d):
    """Where positions come in vectors of two or four, eval takes a vector's channel from its number times that."""

    def forward(self, batch: Tensor) -> Tensor:
        self.__dict__["_shape"] = batch.shape
        return super().forward(batch)

    def channels_of(self, rows: Tensor) -> Tensor | None:
        """(m, C): which channel's numbers go with an element; None where it is its own."""
        shape = self.__dict__["_shape"]
        length = shape[2] if len(shape) == 3 else 1
        width = 4 if length % 4 == 0 else 2 if length % 2 == 0 else 1
        if self.chooses_batch_statistics() or width == 1:
            return None
        vectors = length // width
        first = torch.arange(rows.numel(), device=rows.device) // width * width
        return misread((first % (shape[1] * vectors) // vectors).reshape(rows.shape), shape)

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        channels = self.channels_of(rows)
        return super().normalize(rows, *((mu, sigma) if channels is None else (mu[channels], sigma[channels])))

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        channels = self.channels_of(x_hat)
        return super().scale_and_shift(x_hat, *((gamma, beta) if channels is None else (gamma[channels], beta[channels])))
