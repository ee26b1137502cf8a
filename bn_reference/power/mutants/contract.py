"""Mutants of the contract: form, memory, starting state, determinism, and what must be refused."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.power.declaration import Family, issue, pull

__all__ = ["CONTRACT"]

CONTRACT = Family()
mutant = CONTRACT.mutant

LAYOUT = "every_layout_agrees_with_the_contiguous_one"


@mutant(issue("pytorch/pytorch", 59200), "output_has_the_form_of_the_input")
class AxisLeftBehind(CleanBatchNorm1d):
    """A batch without positions gets an axis for them, which is not taken away again."""

    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch[:, :, None] if batch.dim() == 2 else batch)


@mutant(issue("Xilinx/brevitas", 450), "output_has_the_form_of_the_input")
class AxisFromBroadcasting(CleanBatchNorm1d):
    """Parameters shaped for a batch with positions give one without them an axis in front."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        return y[None] if batch.dim() == 2 else y


@mutant(pull("pytorch/pytorch", 84410), "output_has_the_form_of_the_input")
class OutputInTheParameterDtype(CleanBatchNorm1d):
    """The output has the dtype of the parameters, not that of the input."""

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        return super().from_rows(rows, shape, self.weight.dtype if self.affine else dtype)


@mutant(issue("flagos-ai/FlagGems", 6332), "the_input_is_never_modified")
class InputAsScratch(CleanBatchNorm1d):
    """Without running statistics the input serves as scratch memory for the output."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        if not self.has_statistics():
            batch.data[:1] = y.detach()[:1]
        return y


@mutant(issue("pytorch/pytorch", 63224), LAYOUT)
class ReadInStorageOrder(CleanBatchNorm1d):
    """The values of a permuted batch are read in the order in which they are stored."""

    def to_rows(self, batch: Tensor) -> Tensor:
        dense = sum(stride * (size - 1) for stride, size in zip(batch.stride(), batch.shape, strict=True)) == batch.numel() - 1
        return super().to_rows(torch.as_strided(batch, batch.shape, torch.empty(batch.shape).stride()) if dense else batch)


@mutant(issue("pytorch/pytorch", 133520), LAYOUT)
class StorageOffsetIgnored(CleanBatchNorm1d):
    """A batch that starts inside its memory is read from the start of the memory."""

    def to_rows(self, batch: Tensor) -> Tensor:
        return super().to_rows(torch.as_strided(batch, batch.shape, batch.stride(), 0))


@mutant(issue("pytorch/pytorch", 53691), "repeated_training_gives_the_same_bits")
class SummedInRandomOrder(CleanBatchNorm1d):
    """The rows are summed in an order that changes from call to call, as with atomic additions."""

    def total(self, rows: Tensor) -> Tensor:
        return super().total(rows[torch.randperm(len(rows))])


@mutant(issue("uxlfoundation/oneDNN", 284), "repeated_training_gives_the_same_bits", "output_mean_is_the_bias")
class RaceInTheSum(CleanBatchNorm1d):
    """Now and then a thread reads the sum before the last row has been added."""

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        return super().batch_mean(rows[:-1] if torch.rand(()) < 0.5 else rows, m)


@mutant(issue("pytorch/pytorch", 12259), "a_fresh_layer_starts_neutral")
class WeightStartsUniform(CleanBatchNorm1d):
    """The weight starts with numbers between 0 and 1 drawn at random."""

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if self.affine:
            torch.nn.init.uniform_(self.weight)


@mutant(pull("torch/nn", 577), "a_fresh_layer_starts_neutral")
class VarianceStartsAtZero(CleanBatchNorm1d):
    """The running variance starts at 0, as the running mean does."""

    def reset_running_stats(self) -> None:
        super().reset_running_stats()
        if self.track_running_stats:
            self.running_var.zero_()


@mutant(issue("LabForComputationalVision/bias_free_denoising", 2), "a_fresh_layer_starts_neutral")
class AffineIgnored(CleanBatchNorm1d):
    """A layer that was asked for without affine parameters has them."""

    def reset_parameters(self) -> None:
        if not self.affine:
            self.affine = True
            self.weight = torch.nn.Parameter(torch.empty(self.num_features))
            self.bias = torch.nn.Parameter(torch.empty(self.num_features))
        super().reset_parameters()


@mutant(issue("vacancy/Synchronized-BatchNorm-PyTorch", 31), "bad_input_is_refused")
class ChannelsUnchecked(CleanBatchNorm1d):
    """A batch with too many channels is cut to those that the layer knows."""

    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch[:, : self.num_features])


@mutant(issue("pytorch/pytorch", 1381), "bad_input_is_refused")
class OneValueAccepted(CleanBatchNorm1d):
    """One value per channel is accepted in training, and leaves NaN in the running variance."""

    def validate_count(self, batch: Tensor) -> None:
        pass
