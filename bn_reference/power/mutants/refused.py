"""Mutants of what is refused that should be taken, and taken that should be refused."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved, Statistics
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.mutants.lives import EVALUATION, OUTPUT
from bn_reference.power.shell import HALVES

__all__ = ["REFUSED"]

REFUSED = Family()
mutant = REFUSED.mutant

BAD = "bad_input_is_refused"


@mutant(issue("pytorch/pytorch", 12013), BAD)
class EmptyBatchAveraged(CleanBatchNorm1d):
    """An empty batch is averaged like any other, and leaves a running mean that is no number."""

    def moves_statistics(self, batch: Tensor) -> bool:
        return self.training and self.track_running_stats and self.has_statistics()

    def batch_statistics(self, batch: Tensor) -> Statistics:
        if self.count(batch):
            return super().batch_statistics(batch)
        nothing = torch.zeros(batch.shape[1], dtype=self.compute_dtype(batch))
        return nothing / 0, nothing


@mutant(issue("pytorch/pytorch", 189831), "one_row_and_none_can_be_evaluated")
class EmptyBatchFailsGoingBack(CleanBatchNorm1d):
    """The backward pass through an empty batch reads what is not there."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        if not grad_y.numel():
            raise RuntimeError("an illegal memory access was encountered")
        return super().gradients(grad_y, saved)


@mutant(issue("vacancy/Synchronized-BatchNorm-PyTorch", 31), BAD, "what_is_no_batch_is_refused")
class ReshapedToTheChannels(CleanBatchNorm1d):
    """A batch of some multiple of the channels is reshaped to them without a word."""

    def forward(self, batch: Tensor) -> Tensor:
        multiple = batch.shape[1] // max(self.num_features, 1) if batch.dim() in (2, 3) else 1
        if multiple < 2 or batch.shape[1] % self.num_features:
            return super().forward(batch)
        return super().forward(batch.reshape(-1, self.num_features, *batch.shape[2:])).reshape(batch.shape)


@mutant(issue("pytorch/pytorch", 194798), BAD, "what_is_no_batch_is_refused")
class ChannelsPastTheEnd(CleanBatchNorm1d):
    """Without weight and bias nobody looks whether there are as many running statistics as channels."""

    def validate_shape(self, batch: Tensor) -> None:
        if self.affine or not self.training or batch.dim() not in (2, 3):
            super().validate_shape(batch)

    def stored_statistics(self, batch: Tensor) -> Statistics:
        stored = super().stored_statistics(batch)
        past = batch.shape[1] - self.num_features
        if past <= 0:
            return stored
        mean, var = (torch.cat([each, torch.zeros_like(each[:1]).expand(past)]) for each in stored)
        return mean, var

    def assign(self, name: str, value: Tensor) -> None:
        super().assign(name, value[: self.num_features])


@mutant(pull("microsoft/onnxruntime", 26659), OUTPUT, EVALUATION)
class TwoAxesRefused(CleanBatchNorm1d):
    """A batch (N, C) is refused, as it has no positions to move."""

    def validate_shape(self, batch: Tensor) -> None:
        super().validate_shape(batch)
        if batch.dim() == 2:
            raise RuntimeError("Tensor must have at least 3 dimensions to convert between channels first and channels last.")


@mutant(issue("llvm/torch-mlir", 4480), EVALUATION)
class HalvesRefusedBesideStatistics(CleanBatchNorm1d):
    """Eval refuses halves where the running statistics are float32, whose dtype it takes to be the input's."""

    def stored_statistics(self, batch: Tensor) -> Statistics:
        if not self.training and batch.dtype != self.running_mean.dtype:
            raise RuntimeError("'torch.aten.view' op operand and result dtypes differ")
        return super().stored_statistics(batch)


@mutant(issue("pytorch/pytorch", 61924), OUTPUT, EVALUATION)
class HalvesRefusedWithoutWeight(CleanBatchNorm1d):
    """Halves are refused beside running statistics of float32 where there is no weight to tell of mixed precision."""

    def validate(self, batch: Tensor) -> None:
        super().validate(batch)
        if batch.dtype in HALVES and not self.affine and self.has_statistics() and self.running_mean.dtype != batch.dtype:
            raise RuntimeError(f"expected scalar type {batch.dtype} but found {self.running_mean.dtype}")
