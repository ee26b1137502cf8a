"""Mutants of the running update: what training leaves in the buffers, when, and where."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved
from bn_reference.power.declaration import Family, issue, pull

__all__ = ["RUNNING"]

RUNNING = Family()
mutant = RUNNING.mutant

MEAN = "one_step_moves_the_running_mean"
VARIANCE = "one_step_moves_the_running_variance"
SEQUENCE = "a_sequence_of_batches_accumulates"
MOMENTUM_ONE = "momentum_one_shows_the_batch_statistics"


@mutant(pull("ml-explore/mlx", 3817), VARIANCE, MOMENTUM_ONE, "bessel_counts_every_position")
class BiasedRunningVariance(CleanBatchNorm1d):
    """The running variance takes up the biased variance."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return var


@mutant(pull("d2l-ai/d2l-en", 2213), MEAN, VARIANCE, MOMENTUM_ONE, SEQUENCE)
class MomentumReversed(CleanBatchNorm1d):
    """Momentum weights the old value, as in other frameworks, where it should weight the new one."""

    def average(self, running: Tensor, new: Tensor, momentum: float) -> Tensor:
        return momentum * running + (1 - momentum) * new


@mutant(pull("pjreddie/darknet", 26), MEAN, VARIANCE, MOMENTUM_ONE)
class StatisticsNeverMove(CleanBatchNorm1d):
    """The running statistics are never written; only the counter grows."""

    def assign(self, name: str, value: Tensor) -> None:
        pass


@mutant(pull("keras-team/keras-core", 339), VARIANCE, MOMENTUM_ONE)
class VarianceNeverMoves(CleanBatchNorm1d):
    """The running mean is updated and the running variance forgotten."""

    def assign(self, name: str, value: Tensor) -> None:
        if name != "running_var":
            super().assign(name, value)


@mutant(pull("apache/singa", 554), "buffers_are_updated_in_place")
class BuffersReplaced(CleanBatchNorm1d):
    """Each update puts a new tensor in place of the buffer, and whoever holds the old one never sees it."""

    def assign(self, name: str, value: Tensor) -> None:
        setattr(self, name, value.to(getattr(self, name).dtype))


@mutant(issue("chainer/chainer", 1091), MEAN, VARIANCE, SEQUENCE)
class CumulativeWeightReversed(CleanBatchNorm1d):
    """Without momentum the new batch has the weight 1 - 1/k that belongs to the old average."""

    def momentum_factor(self) -> float:
        return 1 - super().momentum_factor() if self.momentum is None else self.momentum


@mutant(issue("Lightning-AI/pytorch-lightning", 14866), MEAN, VARIANCE, SEQUENCE)
class NoMomentumIsZero(CleanBatchNorm1d):
    """Momentum None is taken for 0, and the statistics stand still where they should average all batches."""

    def momentum_factor(self) -> float:
        return 0.0 if self.momentum is None else self.momentum


@mutant(pull("PaddlePaddle/Paddle", 79227), MEAN, VARIANCE, SEQUENCE)
class ZeroMomentumIsNone(CleanBatchNorm1d):
    """Momentum 0 is falsy and so taken for None, the cumulative average."""

    def momentum_factor(self) -> float:
        return self.momentum or 1.0 / int(self.num_batches_tracked)


@mutant(issue("apache/mxnet", 18673), MEAN, VARIANCE)
class NoUpdateWithoutAffine(CleanBatchNorm1d):
    """A layer without affine parameters does not update its statistics."""

    def moves_statistics(self, batch: Tensor) -> bool:
        return self.affine and super().moves_statistics(batch)


@mutant(pull("chainer/chainer", 4505), VARIANCE, MOMENTUM_ONE)
class EpsStored(CleanBatchNorm1d):
    """Eps goes into the running variance, and eval adds it once more."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return super().unbiased(var + self.eps, m)


@mutant(issue("FluxML/Flux.jl", 314), VARIANCE, MOMENTUM_ONE)
class RunningDeviation(CleanBatchNorm1d):
    """The running variance averages standard deviations."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return torch.sqrt(super().unbiased(var, m))


@mutant(issue("pytorch/pytorch", 22192), "bessel_counts_every_position", VARIANCE)
class BesselCountsSamples(CleanBatchNorm1d):
    """The factor n / (n - 1) counts the samples and forgets their positions."""

    def bessel_count(self, batch: Tensor) -> int:
        return max(batch.shape[0], 2)


@mutant(pull("mlpack/mlpack", 2474), VARIANCE, MOMENTUM_ONE)
class EpsInBessel(CleanBatchNorm1d):
    """The factor of the unbiased variance is n / (n - 1 + eps)."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return var * m / (m - 1 + self.eps)


@mutant(issue("FluxML/Flux.jl", 1429), "evaluation_moves_nothing", "the_counter_counts_training_batches")
class UpdatedInEval(CleanBatchNorm1d):
    """Eval updates the statistics too, wherever a gradient may be asked for."""

    def moves_statistics(self, batch: Tensor) -> bool:
        recorded = torch.is_grad_enabled() and self.has_statistics() and self.count(batch) > 1
        return recorded or super().moves_statistics(batch)


@mutant(issue("apache/mxnet", 14357), "statistics_move_before_any_backward_pass", "statistics_move_without_gradients", MEAN)
class UpdatedInTheBackwardPass(CleanBatchNorm1d):
    """The update waits for the backward pass, and is lost where there is none."""

    def update_statistics(self, batch: Tensor, mu: Tensor, var: Tensor) -> None:
        self._waiting = batch, mu, var

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        if saved.by_batch and self.has_statistics():
            super().update_statistics(*self._waiting)
        return super().gradients(grad_y, saved)


@mutant(issue("apache/mxnet", 18751), "statistics_move_without_gradients")
class UpdatedOnlyWhileRecording(CleanBatchNorm1d):
    """Training under no_grad leaves the statistics as they are."""

    def moves_statistics(self, batch: Tensor) -> bool:
        return torch.is_grad_enabled() and super().moves_statistics(batch)


@mutant(issue("pytorch/pytorch", 96136), "the_counter_counts_training_batches", MEAN, SEQUENCE)
class UpdatedTwice(CleanBatchNorm1d):
    """Recomputing the forward pass, as checkpoints do, updates the statistics a second time."""

    def forward(self, batch: Tensor) -> Tensor:
        super().forward(batch)
        return super().forward(batch)


@mutant(issue("google/flax", 1360), MEAN, VARIANCE, SEQUENCE)
class FirstBatchCopied(CleanBatchNorm1d):
    """The first batch replaces the starting values where it should be averaged with them."""

    def momentum_factor(self) -> float:
        return 1.0 if int(self.num_batches_tracked) == 1 else super().momentum_factor()


@mutant(issue("hasktorch/hasktorch", 626), MEAN, VARIANCE, MOMENTUM_ONE)
class MeanAndVarianceSwapped(CleanBatchNorm1d):
    """What belongs into the running mean goes into the running variance and the other way round."""

    def assign(self, name: str, value: Tensor) -> None:
        super().assign({"running_mean": "running_var", "running_var": "running_mean"}[name], value)


@mutant(pull("BVLC/caffe", 3299), VARIANCE, MOMENTUM_ONE)
class MomentsMixed(CleanBatchNorm1d):
    """The running variance is the corrected second moment less the square of the mean, which nobody corrected."""

    def update_statistics(self, batch: Tensor, mu: Tensor, var: Tensor) -> None:
        m = self.count(batch)
        super().update_statistics(batch, mu, (var + mu**2) - mu**2 * (m - 1) / m)


@mutant(issue("pytorch/pytorch", 20967), "the_counter_counts_training_batches", SEQUENCE)
class CountedOnlyWithoutMomentum(CleanBatchNorm1d):
    """Batches are counted only where the cumulative average needs their number."""

    def count_batch(self, batch: Tensor) -> None:
        if self.momentum is None:
            super().count_batch(batch)


@mutant(issue("Oneflow-Inc/oneflow", 7440), "the_counter_counts_training_batches", SEQUENCE)
class SamplesCounted(CleanBatchNorm1d):
    """The counter grows by the number of samples, not by one a batch."""

    def count_batch(self, batch: Tensor) -> None:
        self.num_batches_tracked.add_(batch.shape[0])


@mutant(pull("FluxML/NNlib.jl", 576), "without_tracking_there_are_no_buffers")
class IdentityWithoutTracking(CleanBatchNorm1d):
    """Eval without running statistics takes the mean for 0 and the variance for 1."""

    def chooses_batch_statistics(self) -> bool:
        return self.training

    def stored_statistics(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        if self.has_statistics():
            return super().stored_statistics(batch)
        zeros = torch.zeros(batch.shape[1], dtype=self.compute_dtype(batch), device=batch.device)
        return zeros, zeros + 1


@mutant(issue("pytorch/pytorch", 20275), "statistics_are_detached_and_keep_their_dtype")
class StatisticsInTheGraph(CleanBatchNorm1d):
    """The running statistics stay attached to the graph, which grows with every batch."""

    def seen_by_statistics(self, batch: Tensor) -> Tensor:
        return batch


@mutant(issue("tensorflow/tensorflow", 8535), "statistics_are_detached_and_keep_their_dtype", MEAN)
class StatisticsInTheInputDtype(CleanBatchNorm1d):
    """The update turns the running statistics into the dtype of the input."""

    def update_statistics(self, batch: Tensor, mu: Tensor, var: Tensor) -> None:
        super().update_statistics(batch, mu, var)
        self.running_mean, self.running_var = self.running_mean.to(batch.dtype), self.running_var.to(batch.dtype)
