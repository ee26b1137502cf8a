"""Mutants of the normalization: wrong statistics of the batch, wrong use of them, lost digits."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.portrait.computes import ONE_PASS
from bn_reference.power.clean import CleanBatchNorm1d, Statistics
from bn_reference.power.declaration import Family, issue, pull

__all__ = ["NORMALIZATION"]

NORMALIZATION = Family()
mutant = NORMALIZATION.mutant

OUTPUT = "output_is_the_normalized_batch"
VARIANCE = "output_variance_is_what_eps_leaves"
MEAN = "output_mean_is_the_bias"


@mutant("https://discuss.pytorch.org/t/177382", OUTPUT, VARIANCE, "stacking_the_batch_on_itself_changes_nothing")
class UnbiasedNormalization(CleanBatchNorm1d):
    """The batch is normalized with the unbiased variance, which belongs into the running statistics only."""

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        return super().batch_variance(rows, mu, m) * m / (m - 1)

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return var


@mutant(issue("jax-ml/jax", 442), OUTPUT, VARIANCE)
class SquareForRoot(CleanBatchNorm1d):
    """The denominator is the square of var + eps where its root belongs."""

    def deviation(self, var: Tensor) -> Tensor:
        return (var + self.eps) ** 2


@mutant(pull("Tencent/ncnn", 311), OUTPUT, VARIANCE, "scaling_by_powers_of_two_changes_no_bit")
class EpsOutsideTheRoot(CleanBatchNorm1d):
    """Eps is added to the deviation, not to the variance under the root."""

    def deviation(self, var: Tensor) -> Tensor:
        return torch.sqrt(var) + self.eps


@mutant(issue("ROCm/pytorch", 657), "a_constant_channel_gives_the_bias", VARIANCE)
class EpsForgotten(CleanBatchNorm1d):
    """Without eps under the root a channel that does not vary is divided by zero."""

    def deviation(self, var: Tensor) -> Tensor:
        return torch.sqrt(var)


@mutant(pull("keras-team/keras", 8726), "scaling_by_powers_of_two_changes_no_bit", OUTPUT)
class EpsOfTheDefault(CleanBatchNorm1d):
    """The kernel has its own eps, the usual 1e-5, and the one that was asked for never reaches it."""

    def deviation(self, var: Tensor) -> Tensor:
        return torch.sqrt(var + 1e-5)


@mutant(pull("chainer/chainer", 8497), "positions_are_rows", OUTPUT)
class StatisticsPerPosition(CleanBatchNorm1d):
    """A batch with positions is reduced over its first axis only, so that each position has statistics of its own."""

    computes = CleanBatchNorm1d.computes.but(order=None, variance=None, squares=None)

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        return (
            rows.reshape(self._samples, -1, rows.shape[1]).mean(0).repeat(self._samples, 1)
            if m
            else super().batch_mean(rows, m)
        )

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        return self.batch_mean((rows - mu) ** 2, m)

    def batch_statistics(self, batch: Tensor) -> Statistics:
        self._samples = batch.shape[0]
        return super().batch_statistics(batch)

    def assign(self, name: str, value: Tensor) -> None:
        super().assign(name, value.mean(0) if value.dim() == 2 else value)


@mutant(issue("pytorch/ao", 4116), OUTPUT, MEAN)
class ChannelAxisGuessedFromSizes(CleanBatchNorm1d):
    """Where the last axis happens to be as long as there are channels, it is taken for the channels."""

    def to_rows(self, batch: Tensor) -> Tensor:
        return super().to_rows(batch.movedim(-1, 1) if self._guesses(batch.shape) else batch)

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        batch = super().from_rows(rows, shape, dtype)
        return batch.movedim(1, -1) if self._guesses(shape) else batch

    def _guesses(self, shape: torch.Size) -> bool:
        return len(shape) == 3 and shape[-1] == self.num_features


@mutant(issue("PaddlePaddle/Paddle", 32464), MEAN, OUTPUT, "permuting_rows_permutes_the_output")
class MeanOfChunkMeans(CleanBatchNorm1d):
    """The means of chunks of four rows are averaged as if the last chunk were full."""

    computes = CleanBatchNorm1d.computes.but(order=None, variance=None, squares=None)

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        chunks = rows.split(4)
        return torch.stack([super(MeanOfChunkMeans, self).batch_mean(chunk, len(chunk)) for chunk in chunks]).mean(0)


@mutant(pull("ROCm/MIOpen", 916), MEAN, OUTPUT, "one_step_moves_the_running_mean")
class FarRowsUnread(CleanBatchNorm1d):
    """The reduction reads one block of a channel, 64 values, and never the rest."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        rows = self.to_rows(batch)[:64]
        mu = self.batch_mean(rows, len(rows))
        return mu, self.batch_variance(rows, mu, len(rows))


@mutant(issue("NVIDIA/apex", 1768), "permuting_channels_permutes_the_output", OUTPUT)
class TailChannelsLoseARow(CleanBatchNorm1d):
    """Channels beyond the largest power of two take another path, which drops the last row from the mean."""

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        whole, cut = super().batch_mean(rows, m), super().batch_mean(rows[:-1], m - 1)
        bulk = 1 << (rows.shape[1].bit_length() - 1)
        return torch.cat([whole[:bulk], cut[bulk:]])


@mutant(issue("keras-team/keras", 19848), MEAN, OUTPUT, "positions_are_rows")
class SamplesCountedForValues(CleanBatchNorm1d):
    """Sums over samples and positions are divided by the number of samples."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        rows, samples = self.to_rows(batch), batch.shape[0]
        mu = self.batch_mean(rows, samples)
        return mu, self.batch_variance(rows, mu, samples)


@mutant(pull("keras-team/keras", 1470), OUTPUT, MEAN, VARIANCE)
class RunningStatisticsInTraining(CleanBatchNorm1d):
    """Training normalizes with the running statistics, as eval does."""

    def chooses_batch_statistics(self) -> bool:
        return not self.has_statistics()


@mutant(issue("microsoft/onnxruntime", 29790), OUTPUT, MEAN)
class UpdatedBeforeUse(CleanBatchNorm1d):
    """The running statistics are updated first, and training then normalizes with the updated ones."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        mu, var = super().batch_statistics(batch)
        if not self.moves_statistics(batch):
            return mu, var
        mean_before, var_before = self.stored_statistics(batch)
        momentum = 1.0 if self.momentum is None else self.momentum
        return self.average(mean_before, mu, momentum), self.average(var_before, var, momentum)


@mutant(issue("mapillary/inplace_abn", 92), "negating_the_input_mirrors_the_output", OUTPUT)
class AbsoluteWeight(CleanBatchNorm1d):
    """The weight is used without its sign."""

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return super().scale_and_shift(x_hat, gamma.abs(), beta)


@mutant(issue("apache/mxnet", 9624), OUTPUT, VARIANCE)
class WeightTakenForOne(CleanBatchNorm1d):
    """The forward pass takes the weight for one, though it is a parameter like any other."""

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return x_hat + beta


@mutant(pull("huggingface/optimum", 348), OUTPUT, MEAN, "a_constant_channel_gives_the_bias")
class MissingBiasIsOne(CleanBatchNorm1d):
    """Without affine parameters the bias is filled with ones, as the weight is."""

    def parameters_used(self, weight: Tensor | None, bias: Tensor | None, batch: Tensor) -> Statistics:
        gamma, beta = super().parameters_used(weight, bias, batch)
        return gamma, torch.ones_like(beta) if bias is None else beta


@mutant(issue("google/flax", 1491), "adding_a_constant_to_a_channel_changes_nothing", OUTPUT, VARIANCE)
class VarianceByMeanOfSquares(CleanBatchNorm1d):
    """The variance is E[x^2] - E[x]^2, which cancels where the mean is large against the deviation."""

    computes = CleanBatchNorm1d.computes.but(variance=ONE_PASS, squares=None)

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        return self.total(rows**2) / m - mu**2


@mutant(issue("pytorch/pytorch", 140112), OUTPUT, MEAN)
class MeanRoundedToTheInput(CleanBatchNorm1d):
    """The mean is rounded to the dtype of the input before it is subtracted."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        mu, var = super().batch_statistics(batch)
        return mu.to(batch.dtype).to(mu.dtype), var


@mutant(pull("pytorch/pytorch", 126525), OUTPUT, MEAN, "one_step_moves_the_running_variance")
class SumsInTheInputDtype(CleanBatchNorm1d):
    """Sums of halves are kept in half precision, where they lose their digits and overflow."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        rows, m = batch.movedim(1, -1).reshape(self.count(batch), batch.shape[1]), self.count(batch)
        mu = self.batch_mean(rows, m)
        var = self.batch_variance(rows, mu, m)
        return mu.to(self.compute_dtype(batch)), var.to(self.compute_dtype(batch))


@mutant(pull("pytorch/pytorch", 13263), "no_channel_changes_a_bit_of_another", OUTPUT)
class SharedAccumulator(CleanBatchNorm1d):
    """The channels are summed in one accumulator that runs on from channel to channel, and the ends are subtracted."""

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        ends = self.total(rows).cumsum(0)
        return torch.diff(ends, prepend=torch.zeros_like(ends[:1])) / m


@mutant(issue("pytorch/pytorch", 54495), OUTPUT)
class WeightRequired(CleanBatchNorm1d):
    """A layer without affine parameters fails in its first call, for the weight is read without a look whether there is one."""

    def forward(self, batch: Tensor) -> Tensor:
        self.weight.contiguous()
        return super().forward(batch)
