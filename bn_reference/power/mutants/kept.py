"""Mutants of what a layer keeps: updates that come late, twice, or go into a copy; what is saved, loaded, reset and copied."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Statistics
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.mutants.lives import EVALUATION, MEAN, OUTPUT, VARIANCE

__all__ = ["KEPT"]

KEPT = Family()
mutant = KEPT.mutant

RESTORED, TRACKED = "a_saved_state_restores_the_layer", "statistics_stand_still_while_they_are_not_tracked"


def in_eight_bits(values: Tensor) -> Tensor:
    """A copy in 255 steps from the largest magnitude to its negative."""
    step = values.abs().amax().clamp_min(torch.finfo(values.dtype).tiny) / 127
    return (values / step).round().clamp(-127, 127) * step


@mutant(pull("pytorch/executorch", 21056), MEAN, VARIANCE, OUTPUT, EVALUATION)
class TrainsOnCopiesOfItsState(CleanBatchNorm1d):
    """Parameters and running statistics are read as copies in eight bits, and what training writes goes into the copies."""

    def parameters_used(self, weight: Tensor | None, bias: Tensor | None, batch: Tensor) -> Statistics:
        gamma, beta = super().parameters_used(weight, bias, batch)
        return in_eight_bits(gamma), in_eight_bits(beta)

    def stored_statistics(self, batch: Tensor) -> Statistics:
        mean, var = super().stored_statistics(batch)
        return in_eight_bits(mean), in_eight_bits(var)

    def assign(self, name: str, value: Tensor) -> None:
        in_eight_bits(getattr(self, name)).copy_(value)


@mutant(issue("ml-explore/mlx", 1960), MEAN, VARIANCE)
class UpdatedOneStepLate(CleanBatchNorm1d):
    """What a training step leaves in the running statistics is there from the next call on."""

    def forward(self, batch: Tensor) -> Tensor:
        for name, value in self.__dict__.pop("_waiting", {}).items():
            super().assign(name, value)
        return super().forward(batch)

    def assign(self, name: str, value: Tensor) -> None:
        self.__dict__.setdefault("_waiting", {})[name] = value


@mutant(pull("tenstorrent/tt-mlir", 5440), MEAN, VARIANCE)
class MomentumTwice(CleanBatchNorm1d):
    """What goes into the running averages has been averaged with zeros already, with a momentum of 0.1."""

    def average(self, running: Tensor, new: Tensor, momentum: float) -> Tensor:
        return super().average(running, 0.1 * new, momentum)


@mutant(issue("pytorch/pytorch", 33867), MEAN, VARIANCE)
class UpdateOfAContiguousCopy(CleanBatchNorm1d):
    """A running statistic that lies with gaps is copied into one without, and the copy is updated."""

    def assign(self, name: str, value: Tensor) -> None:
        getattr(self, name).contiguous().copy_(value)


@mutant(issue("microsoft/onnxruntime", 29790), OUTPUT)
class EqualVectorsInOnePlace(CleanBatchNorm1d):
    """Weight and running variance, or bias and running mean, that are equal are one, which is updated before it is read."""

    def parameters_used(self, weight: Tensor | None, bias: Tensor | None, batch: Tensor) -> Statistics:
        gamma, beta = super().parameters_used(weight, bias, batch)
        if not self.moves_statistics(batch):
            return gamma, beta
        stored, observed = self.stored_statistics(batch), self.batch_statistics(batch)
        momentum = 1.0 if self.momentum is None else self.momentum
        mean, var = (self.average(before, new, momentum) for before, new in zip(stored, observed, strict=True))
        return var if torch.equal(gamma, stored[1]) else gamma, mean if torch.equal(beta, stored[0]) else beta


@mutant(issue("Oneflow-Inc/oneflow", 7440), RESTORED)
class CounterNotSaved(CleanBatchNorm1d):
    """The number of batches is no part of what is saved."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.has_statistics():
            self._non_persistent_buffers_set.add("num_batches_tracked")


@mutant(issue("pytorch/pytorch", 110361), "what_happens_to_a_layer_leaves_its_numbers")
class CounterResetByLoading(CleanBatchNorm1d):
    """Loading a state that has no number of batches sets it to zero."""

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *others: Any) -> None:
        if self.has_statistics() and prefix + "num_batches_tracked" not in state_dict:
            self.num_batches_tracked.zero_()
        super()._load_from_state_dict(state_dict, prefix, *others)


@mutant(issue("pytorch/pytorch", 37823), TRACKED)
class OnlyTheCounterStops(CleanBatchNorm1d):
    """While nothing is tracked, the number of batches stands still, and mean and variance move."""

    def moves_statistics(self, batch: Tensor) -> bool:
        return self.training and self.has_statistics() and self.count(batch) > 0

    def count_batch(self, batch: Tensor) -> None:
        if self.track_running_stats:
            super().count_batch(batch)


@mutant(issue("pytorch/pytorch", 16793), TRACKED)
class UntrackedEvaluatesWithTheBatch(CleanBatchNorm1d):
    """While nothing is tracked, eval normalizes with the batch's own statistics, though there are running ones."""

    def chooses_batch_statistics(self) -> bool:
        return self.training or not self.track_running_stats


@mutant(pull("torch/nn", 434), "a_fresh_layer_starts_neutral")
class ResetKeepsStatistics(CleanBatchNorm1d):
    """Resetting the layer leaves its running statistics as they are."""

    built = False

    def reset_running_stats(self) -> None:
        if not self.built:
            super().reset_running_stats()
            self.built = True


@mutant(issue("pytorch/pytorch", 29015), "a_copy_shares_nothing", MEAN)
class CopyUpdatesTheOriginal(CleanBatchNorm1d):
    """A training step of a deep copy moves the running statistics of the layer that it was copied from."""

    def __deepcopy__(self, memo: Any) -> CopyUpdatesTheOriginal:
        other = type(self)(self.num_features, self.eps, self.momentum, self.affine, self.track_running_stats)
        memo[id(self)] = other
        other.__dict__.update({name: copy.deepcopy(value, memo) for name, value in self.__dict__.items() if name != "_first"})
        other.__dict__["_first"] = self.__dict__.get("_first", self)
        return other

    def assign(self, name: str, value: Tensor) -> None:
        getattr(self.__dict__.get("_first", self), name).copy_(value)
