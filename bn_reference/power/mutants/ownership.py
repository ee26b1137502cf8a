"""Mutants of whose memory it is, and of who decides: what was loaded, what is handed out, and a flag that is set later."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Statistics
from bn_reference.power.declaration import Family, issue, pull

__all__ = ["OWNERSHIP"]

OWNERSHIP = Family()
mutant = OWNERSHIP.mutant

TRACKED = "statistics_stand_still_while_they_are_not_tracked"
LOADED, APART = "what_was_loaded_is_copied", "the_output_lies_in_memory_of_its_own"
FLAG = issue("pytorch/pytorch", 20967)
ASSIGNED = pull("pytorch/pytorch", 102212)  # what was loaded is assigned, not copied
IDENTITY = issue("ROCm/AMDMIGraphX", 23)  # outputs that are aliases of inputs


# a flag that is set later


@mutant(FLAG, TRACKED)
class TracksAsConstructed(CleanBatchNorm1d):
    """Whether statistics are tracked is decided when the layer is built."""

    def moves_statistics(self, batch: Tensor) -> bool:
        return self.training and self.has_statistics() and self.count(batch) > 0


@mutant(FLAG, TRACKED)
class NeverTracksAgain(CleanBatchNorm1d):
    """Once statistics were not tracked, they never are again."""

    stopped = False

    def moves_statistics(self, batch: Tensor) -> bool:
        self.stopped = self.stopped or (self.has_statistics() and not self.track_running_stats)
        return super().moves_statistics(batch) and not self.stopped


@mutant(FLAG, TRACKED)
class StartsAnewWhereItTracksAgain(CleanBatchNorm1d):
    """The running statistics start anew when track_running_stats is set to True."""

    def __setattr__(self, name: str, value: Any) -> None:
        again = name == "track_running_stats" and value and getattr(self, name, None) is False
        super().__setattr__(name, value)
        if again and self.has_statistics():
            self.reset_running_stats()


@mutant(FLAG, TRACKED)
class UntrackedTrainsAsItEvaluates(CleanBatchNorm1d):
    """While nothing is tracked, training normalizes with the running statistics that are there."""

    def chooses_batch_statistics(self) -> bool:
        return super().chooses_batch_statistics() and (self.track_running_stats or not self.has_statistics())


# what was loaded


@mutant(ASSIGNED, LOADED)
class LoadedByReference(CleanBatchNorm1d):
    """The running statistics lie in the memory of the state that was loaded."""

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *others: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *others)
        for name in ("running_mean", "running_var"):
            if name in self._buffers and prefix + name in state_dict:
                self._buffers[name] = state_dict[prefix + name]


@mutant(ASSIGNED, LOADED)
class WeightLoadedByReference(CleanBatchNorm1d):
    """Weight and bias lie in the memory of the state that was loaded."""

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *others: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *others)
        for name in ("weight", "bias"):
            if getattr(self, name) is not None and prefix + name in state_dict:
                getattr(self, name).data = state_dict[prefix + name]


@mutant(ASSIGNED, LOADED)
class EvaluatesFromWhatWasLoaded(CleanBatchNorm1d):
    """Until it trains again the layer evaluates with the very arrays that were loaded."""

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *others: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *others)
        self._loaded = [state_dict.get(prefix + name) for name in ("running_mean", "running_var")]

    def stored_statistics(self, batch: Tensor) -> Statistics:
        mean, var = getattr(self, "_loaded", (None, None))
        if self.training or mean is None or var is None:
            self._loaded = [None, None]
            return super().stored_statistics(batch)
        dtype = self.compute_dtype(batch)
        return mean.to(dtype), var.to(dtype)


# what is handed out


@mutant(IDENTITY, APART)
class NeutralEvaluationGivesItsInput(CleanBatchNorm1d):
    """Where mean, variance, weight and bias change no number, an evaluation without gradients returns its input itself."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        if self.chooses_batch_statistics() or torch.is_grad_enabled():
            return y
        (mean, var), (gamma, beta) = self.stored_statistics(batch), self.parameters_used(self.weight, self.bias, batch)
        neutral = not mean.any() and not beta.any() and bool((gamma == 1).all() and (var + self.eps == 1).all())
        return batch if neutral else y


@mutant(IDENTITY, APART)
class ViewOfItsInput(CleanBatchNorm1d):
    """An output that equals its input bit for bit is a view of it."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        with torch.no_grad():
            if torch.equal(y, batch):
                y.data = batch.data.view_as(batch)
        return y


@mutant(IDENTITY, APART)
class FoldedToNothing(CleanBatchNorm1d):
    """Where the folded scale is one and the folded shift zero in all channels, the output is left in the input's memory."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        if self.chooses_batch_statistics():
            return y
        (mean, var), (gamma, beta) = self.stored_statistics(batch), self.parameters_used(self.weight, self.bias, batch)
        scale = gamma / self.deviation(var)
        if bool((scale == 1).all()) and not (beta - mean * scale).any():
            y.data = batch.data.view_as(batch)
        return y
