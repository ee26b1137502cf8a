"""Mutants at the contract's edge: what is refused, dtypes, hyperparameters beyond the usual, what is shown and saved, NaN."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved, Statistics
from bn_reference.power.declaration import Family, issue, pull

__all__ = ["EDGE"]

EDGE = Family()
mutant = EDGE.mutant

REFUSED, DTYPES = "what_is_no_batch_is_refused", "other_dtypes_are_refused_or_right"
HYPERPARAMETERS, SHOWN = "eps_and_momentum_are_refused_or_used", "what_a_layer_shows_is_so"
BACK = "what_flows_back_is_not_mended"
HAPPENED = "what_happens_to_a_layer_leaves_its_numbers"
RESTORED = "a_saved_state_restores_the_layer"
OUTPUT, MEAN, VARIANCE = (
    "output_is_the_normalized_batch",
    "one_step_moves_the_running_mean",
    "one_step_moves_the_running_variance",
)
CHANNELS, RESHAPED = issue("vacancy/Synchronized-BatchNorm-PyTorch", 31), pull("torch/nn", 777)
BEYOND = issue("pytorch/pytorch", 166405)
NEVER_FINITE = issue("pytorch/pytorch", 90342)


@mutant(CHANNELS, REFUSED)
class OneChannelForAll(CleanBatchNorm1d):
    """A batch of one channel is repeated for all channels of the layer."""

    def forward(self, batch: Tensor) -> Tensor:
        one = batch.dim() in (2, 3) and batch.shape[1] == 1
        return super().forward(batch.expand(-1, self.num_features, *batch.shape[2:]) if one else batch)


@mutant(RESHAPED, REFUSED)
class ChannelsUncheckedInEval(CleanBatchNorm1d):
    """In eval a batch with too many channels is cut to those that the layer knows."""

    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch if self.training or batch.dim() < 2 else batch[:, : self.num_features])


@mutant(RESHAPED, REFUSED)
class ChannelsFilledUp(CleanBatchNorm1d):
    """A batch with too few channels is filled up with zeros, and the output cut again."""

    def forward(self, batch: Tensor) -> Tensor:
        lacking = self.num_features - batch.shape[1] if batch.dim() in (2, 3) else 0
        if lacking <= 0:
            return super().forward(batch)
        zeros = batch.new_zeros(batch.shape[0], lacking, *batch.shape[2:])
        return super().forward(torch.cat([batch, zeros], 1))[:, : batch.shape[1]]


@mutant(issue("Xilinx/brevitas", 450), REFUSED)
class VectorRepeated(CleanBatchNorm1d):
    """A vector is taken for two equal samples, in training too."""

    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch.expand(2, -1))[0] if batch.dim() == 1 else super().forward(batch)


@mutant(issue("Xilinx/brevitas", 450), REFUSED)
class ImagesReadWrongly(CleanBatchNorm1d):
    """A batch of images is read as samples of so many columns, in the order of memory."""

    def forward(self, batch: Tensor) -> Tensor:
        if batch.dim() != 4:
            return super().forward(batch)
        n, c, h, w = batch.shape
        return super().forward(batch.reshape(n * h, c, w)).reshape(batch.shape)


@mutant(issue("pytorch/pytorch", 1381), REFUSED)
class StatisticsMoveBeforeTheRefusal(CleanBatchNorm1d):
    """A batch moves the running mean before its channels are counted, and is refused after that."""

    def validate_shape(self, batch: Tensor) -> None:
        if self.training and self.has_statistics() and batch.dim() in (2, 3):
            self.running_mean.mul_(0.9) if batch.shape[1] != self.num_features else None
        super().validate_shape(batch)


@mutant(issue("pytorch/pytorch", 81749), DTYPES)
class ImaginaryPartLeftOut(CleanBatchNorm1d):
    """Of complex numbers the real parts are normalized."""

    def forward(self, batch: Tensor) -> Tensor:
        own = self.weight if self.affine else self.running_mean
        return super().forward(batch.real.to(own.dtype) if batch.is_complex() and own is not None else batch)


@mutant(pull("pytorch/pytorch", 84410), DTYPES)
class OtherFloatsThroughHalf(CleanBatchNorm1d):
    """Floats of another precision than the layer's are normalized in bfloat16."""

    def forward(self, batch: Tensor) -> Tensor:
        own = self.weight if self.affine else self.running_mean
        if own is None or not batch.is_floating_point() or batch.dtype == own.dtype or batch.dtype.itemsize == 2:
            return super().forward(batch)
        return super().forward(batch.to(own.dtype)).to(torch.bfloat16).to(batch.dtype)


@mutant(BEYOND, HYPERPARAMETERS)
class EpsMadePositive(CleanBatchNorm1d):
    """A negative eps is taken without its sign."""

    def validate(self, batch: Tensor) -> None:
        self.eps = abs(self.eps)
        super().validate(batch)


@mutant(BEYOND, HYPERPARAMETERS)
class RadicandClamped(CleanBatchNorm1d):
    """Where variance and eps are negative together the root is taken of a small number instead."""

    def validate(self, batch: Tensor) -> None:
        self.validate_shape(batch)
        self.validate_count(batch)

    def deviation(self, var: Tensor) -> Tensor:
        return torch.sqrt(torch.clamp(var + self.eps, min=1e-12))


@mutant(BEYOND, HYPERPARAMETERS)
class MomentumClamped(CleanBatchNorm1d):
    """A momentum beyond 0 and 1 is moved there without a word."""

    def momentum_factor(self) -> float:
        return min(max(super().momentum_factor(), 0.0), 1.0)


@mutant(BEYOND, HYPERPARAMETERS)
class MomentumOfNothingIsTheDefault(CleanBatchNorm1d):
    """A momentum that is NaN counts as 0.1."""

    def momentum_factor(self) -> float:
        momentum = super().momentum_factor()
        return 0.1 if math.isnan(momentum) else momentum


@mutant(pull("pytorch/vision", 2852), SHOWN)
class DefaultEpsShown(CleanBatchNorm1d):
    """The layer shows the default eps, whatever its own."""

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps=1e-05, momentum={self.momentum}, affine={self.affine}"


@mutant(issue("pytorch/pytorch", 42295), SHOWN)
class OptionsShownAsBuilt(CleanBatchNorm1d):
    """The layer shows that it keeps running statistics where it keeps none."""

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, track_running_stats=True"


@mutant(issue("LabForComputationalVision/bias_free_denoising", 2), "without_affine_there_are_no_parameters")
class ParameterWithoutAffine(CleanBatchNorm1d):
    """A layer without affine parameters has one that its numbers do not depend on."""

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if not self.affine:
            self.gamma = torch.nn.Parameter(torch.ones(self.num_features))


@mutant(issue("Oneflow-Inc/oneflow", 7440), RESTORED)
class VarianceNotSaved(CleanBatchNorm1d):
    """The running variance is no part of what is saved."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.has_statistics():
            variance = self.running_var
            del self.running_var
            self.register_buffer("running_var", variance, persistent=False)


@mutant(issue("tensorflow/tensorflow", 8535), RESTORED)
class SavedInHalf(CleanBatchNorm1d):
    """Weights and statistics are rounded to bfloat16 where they are saved."""

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name, value in destination.items():
            destination[name] = value.bfloat16().to(value.dtype) if value.is_floating_point() else value


@mutant(issue("pytorch/pytorch", 110361), RESTORED)
class LoadedIntoNothing(CleanBatchNorm1d):
    """What is loaded is forgotten where the layer has seen no batch yet."""

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *others: Any) -> None:
        fresh = self.has_statistics() and int(self.num_batches_tracked) == 0
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *others)
        if fresh:
            self.reset_running_stats()


@mutant(NEVER_FINITE, OUTPUT, MEAN)
class NotANumberIsZero(CleanBatchNorm1d):
    """A NaN in the input counts as zero."""

    def to_rows(self, batch: Tensor) -> Tensor:
        rows = super().to_rows(batch)
        return torch.where(rows.isnan(), torch.zeros_like(rows), rows)


@mutant(NEVER_FINITE, MEAN, VARIANCE, OUTPUT)
class NotANumberLeftOut(CleanBatchNorm1d):
    """A NaN is no part of mean and variance, which the other rows make."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        rows = self.to_rows(batch)
        mu, var = super().batch_statistics(batch)
        some = rows.isnan().any(0)
        return torch.where(some, rows.nanmean(0), mu), torch.where(some, ((rows - rows.nanmean(0)) ** 2).nanmean(0), var)


@mutant(issue("pytorch/pytorch", 115500), OUTPUT, MEAN)
class InfinityIsLarge(CleanBatchNorm1d):
    """An infinity counts as a thousand."""

    def to_rows(self, batch: Tensor) -> Tensor:
        rows = super().to_rows(batch)
        return torch.where(rows.isinf(), 1000.0 * rows.sign(), rows)


@mutant(issue("pytorch/pytorch", 115500), VARIANCE)
class BadBatchLeftOut(CleanBatchNorm1d):
    """A variance that is not finite leaves the running one as it is."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return torch.where(var.isfinite(), super().unbiased(var, m), self.running_var.to(var.dtype))


@mutant(issue("tensorflow/tensorflow", 14353), "evaluation_uses_the_running_statistics", OUTPUT)
class VarianceOfNothingIsOne(CleanBatchNorm1d):
    """A deviation that is NaN counts as one."""

    def deviation(self, var: Tensor) -> Tensor:
        sigma = super().deviation(var)
        return torch.where(sigma.isnan() | sigma.isinf(), torch.ones_like(sigma), sigma)

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        mu = super().batch_mean(rows, m)
        return torch.where(mu.isfinite(), mu, torch.zeros_like(mu))


@mutant(issue("pytorch/pytorch", 90342), BACK)
class NotANumberFlowsBackAsZero(CleanBatchNorm1d):
    """A NaN in the upstream gradient counts as zero."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        return super().gradients(torch.nan_to_num(grad_y), saved)


@mutant(issue("tensorflow/tensorflow", 107705), BACK)
class UpstreamClipped(CleanBatchNorm1d):
    """The upstream gradient is clipped at fifty."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        return super().gradients(grad_y.clamp(-50.0, 50.0), saved)


@mutant(issue("tensorflow/tensorflow", 8535), HAPPENED)
class ConvertedThroughHalf(CleanBatchNorm1d):
    """A conversion rounds the running variance to float16."""

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.has_statistics():
            self.running_var.copy_(self.running_var.half())
        return self


@mutant(issue("tensorflow/tensorflow", 8535), HAPPENED)
class PickledWithoutStatistics(CleanBatchNorm1d):
    """A layer that is written and read again begins with fresh statistics."""

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self.reset_running_stats()
