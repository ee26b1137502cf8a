"""Mutants that are right in a fresh layer's first recorded step, and wrong later on or when they are called otherwise."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Saved
from bn_reference.power.declaration import Family, issue, pull

__all__ = ["LIVES"]

LIVES = Family()
mutant = LIVES.mutant

OUTPUT, EVALUATION = "output_is_the_normalized_batch", "evaluation_uses_the_running_statistics"
MEAN, VARIANCE = "one_step_moves_the_running_mean", "one_step_moves_the_running_variance"
GRAD_X, GRAD_WEIGHT = "training_gradient_of_the_input", "training_gradient_of_the_weight"
REPLAYED = pull("gpu-mode/kernelbot", 501)  # results replayed by identity, address or version of an input
FINGERPRINT = issue("flashinfer-ai/flashinfer-bench-starter-kit", 21)
FOLDED = issue("pytorch/pytorch", 108863)  # an evaluation without gradients keeps the parameters that it was folded with
TAKES = 10  # calls for which a layer that counts them is right


class Counting(CleanBatchNorm1d):
    """A layer that counts its calls; no mutant."""

    calls = 0

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        self.calls += 1
        return y


@mutant(issue("pytorch/pytorch", 14027), OUTPUT)
class SecondStepForgotten(Counting):
    """From the second training step on the output is zero."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        return y * 0 if self.training and self.calls > 1 else y


@mutant(FINGERPRINT, OUTPUT)
class RightForTenCalls(Counting):
    """After ten calls eps is left out."""

    def deviation(self, var: Tensor) -> Tensor:
        return super().deviation(var if self.calls < TAKES else var - self.eps)


@mutant(issue("pytorch/pytorch", 14027), EVALUATION)
class ModeOfTheFirstCall(Counting):
    """Whether the layer trains is read at its first call, for ever."""

    def chooses_batch_statistics(self) -> bool:
        if self.calls == 0:
            self._first = super().chooses_batch_statistics()
        return self._first


@mutant(FOLDED, OUTPUT, EVALUATION)
class FirstParametersKept(CleanBatchNorm1d):
    """Weight and bias are copied at the first call, and never read again."""

    def parameters_used(self, weight: Tensor | None, bias: Tensor | None, batch: Tensor) -> tuple[Tensor, Tensor]:
        if not hasattr(self, "_kept"):
            self._kept = [each.clone() for each in super().parameters_used(weight, bias, batch)]
        return self._kept[0], self._kept[1]


@mutant(REPLAYED, OUTPUT, EVALUATION)
class ParametersByIdentity(CleanBatchNorm1d):
    """Weight and bias are converted anew only where they are another object than last time."""

    def parameters_used(self, weight: Tensor | None, bias: Tensor | None, batch: Tensor) -> tuple[Tensor, Tensor]:
        key = id(self.weight), id(self.bias), batch.dtype
        if getattr(self, "_key", None) != key:
            self._key, self._converted = key, [each.clone() for each in super().parameters_used(weight, bias, batch)]
        return self._converted[0], self._converted[1]


@mutant(REPLAYED, OUTPUT, EVALUATION)
class ParametersByVersion(CleanBatchNorm1d):
    """The weight is converted anew only where its version counter has moved, which writing through .data does not do."""

    def parameters_used(self, weight: Tensor | None, bias: Tensor | None, batch: Tensor) -> tuple[Tensor, Tensor]:
        if self.weight is None:
            return super().parameters_used(weight, bias, batch)
        key = id(self.weight), self.weight._version, batch.dtype
        if getattr(self, "_key", None) != key:
            self._key, self._converted = key, [each.clone() for each in super().parameters_used(weight, bias, batch)]
        return self._converted[0], super().parameters_used(weight, bias, batch)[1]


@mutant(FINGERPRINT, OUTPUT, VARIANCE)
class VarianceByShape(CleanBatchNorm1d):
    """The variance of a batch of the shape of the last one is taken to be the last one's."""

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        if getattr(self, "_shape", None) != rows.shape:
            self._shape, self._variance = rows.shape, super().batch_variance(rows, mu, m)
        return self._variance


@mutant(issue("keras-team/keras", 12230), MEAN, VARIANCE)
class MomentumOfConstruction(CleanBatchNorm1d):
    """A momentum that is set later is not read."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._first = self.momentum

    def momentum_factor(self) -> float:
        return 1.0 / int(self.num_batches_tracked) if self._first is None else self._first


@mutant(issue("qualcomm/aimet", 1957), OUTPUT, EVALUATION)
class EpsOfConstruction(CleanBatchNorm1d):
    """An eps that is set later is not read."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._first = self.eps

    def deviation(self, var: Tensor) -> Tensor:
        return torch.sqrt(var + self._first)


@mutant(issue("pytorch/pytorch", 29015), "a_copy_shares_nothing")
class SharedByCopies(CleanBatchNorm1d):
    """A deep copy has the running statistics of the layer that it was copied from."""

    def __deepcopy__(self, memo: Any) -> SharedByCopies:
        other = type(self)(self.num_features, self.eps, self.momentum, self.affine, self.track_running_stats)
        other.training = self.training
        for name, value in self._parameters.items():
            setattr(other, name, copy.deepcopy(value, memo))
        other._buffers.update(self._buffers)
        return other


@mutant(issue("pytorch/pytorch", 29015), OUTPUT, MEAN, EVALUATION)
class CopyLosesItsEps(CleanBatchNorm1d):
    """A deep copy has the eps and momentum that are usual, whatever the layer has."""

    def __deepcopy__(self, memo: Any) -> CopyLosesItsEps:
        other = CopyLosesItsEps(self.num_features, 1e-5, 0.1, self.affine, self.track_running_stats)
        other.to((self.weight if self.affine else self.running_mean if self.track_running_stats else torch.zeros(1)).dtype)
        other.load_state_dict(self.state_dict())
        return other


@mutant(pull("pytorch/pytorch", 110850), MEAN, VARIANCE)
class LoadingResetsMomentum(CleanBatchNorm1d):
    """After a state was loaded the running statistics are those of the latest batch."""

    loaded = False

    def _load_from_state_dict(self, *arguments: Any) -> None:
        super()._load_from_state_dict(*arguments)
        self.loaded = True

    def momentum_factor(self) -> float:
        return 1.0 if self.loaded else super().momentum_factor()


@mutant(issue("intel/torch-xpu-ops", 2887), MEAN, EVALUATION)
class BuffersReadAsContiguous(CleanBatchNorm1d):
    """The running mean is read from memory as if it had no gaps."""

    def stored_statistics(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        mean, var = super().stored_statistics(batch)
        own = self.running_mean
        room = own.untyped_storage().nbytes() // own.element_size() - own.storage_offset()
        straight = torch.as_strided(own, own.shape, (1,)) if room >= own.numel() else own
        return straight.to(mean.dtype), var


@mutant(issue("pytorch/pytorch", 66073), EVALUATION)
class EvalOfItsOwn(CleanBatchNorm1d):
    """The layer notices its own eval() alone, which a parent's does not call."""

    evaluates = False

    def eval(self) -> EvalOfItsOwn:
        super().eval()
        self.evaluates = True
        return self

    def train(self, mode: bool = True) -> EvalOfItsOwn:
        super().train(mode)
        self.evaluates = False
        return self

    def chooses_batch_statistics(self) -> bool:
        return not (self.evaluates and self.has_statistics())


@mutant(issue("pytorch/pytorch", 37823), MEAN, VARIANCE)
class EvaluationStopsTheUpdates(CleanBatchNorm1d):
    """Once the layer has evaluated, training does not move the running statistics any more."""

    stopped = False

    def moves_statistics(self, batch: Tensor) -> bool:
        self.stopped = self.stopped or not self.training
        return super().moves_statistics(batch) and not self.stopped


@mutant(issue("open-mmlab/mmengine", 1624), GRAD_WEIGHT)
class FrozenForEver(CleanBatchNorm1d):
    """A weight that was frozen once has a gradient of zero ever after."""

    frozen = False

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        return super().grad_weight(dy, saved) * (not self.frozen)

    def parameters_used(self, weight: Tensor | None, bias: Tensor | None, batch: Tensor) -> tuple[Tensor, Tensor]:
        self.frozen = self.frozen or (self.affine and not self.weight.requires_grad)
        return super().parameters_used(weight, bias, batch)


@mutant(pull("NVIDIA/apex", 380), OUTPUT, EVALUATION)
class ConvertedWithTheUsualEps(CleanBatchNorm1d):
    """A layer that was converted to another dtype has the usual eps."""

    def _apply(self, *arguments: Any, **options: Any) -> Any:
        self.eps = 1e-5
        return super()._apply(*arguments, **options)  # type: ignore[no-untyped-call]


@mutant(pull("NVIDIA/apex", 380), MEAN, VARIANCE)
class PickledWithTheUsualMomentum(CleanBatchNorm1d):
    """A layer that was written and read again has the usual momentum."""

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self.momentum = 0.1


@mutant(FOLDED, OUTPUT, EVALUATION)
class ParametersOfTheLastCall(CleanBatchNorm1d):
    """The parameters of a step are those of the step before."""

    def parameters_used(self, weight: Tensor | None, bias: Tensor | None, batch: Tensor) -> tuple[Tensor, Tensor]:
        now = super().parameters_used(weight, bias, batch)
        last, self._last = getattr(self, "_last", now), (now[0].clone(), now[1].clone())
        return last if last[0].dtype == now[0].dtype else now
