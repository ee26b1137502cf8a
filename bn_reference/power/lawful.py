"""Correct layers of other conventions than torch's, and faults behind such a convention: it must hide none.

A control keeps its convention throughout and is right in everything else. A mutant claims a convention and breaks it, or
keeps it and is wrong elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bn_reference.conventions import TORCH, Conventions
from bn_reference.power.clean import CleanBatchNorm1d, Saved, Statistics
from bn_reference.power.declaration import snake_case, story_of

__all__ = ["LAWFUL", "UNLAWFUL", "OfConvention"]

Layer = type[CleanBatchNorm1d]


@dataclass(frozen=True)
class OfConvention:
    """A layer of other conventions, right or wrong: as a control, or a mutant, with the conventions that it claims."""

    name: str
    story: str
    factory: Layer
    conventions: Conventions


LAWFUL: list[OfConvention] = []
UNLAWFUL: list[OfConvention] = []


def of(into: list[OfConvention], **values: str) -> Callable[[Layer], Layer]:
    """A decorator that declares a layer which claims these conventions."""

    def declare(layer: Layer) -> Layer:
        into.append(OfConvention(snake_case(layer.__name__), story_of(layer), layer, TORCH.but(**values)))
        return layer

    return declare


# the running variance


@of(LAWFUL, running_variance="biased")
class Biased(CleanBatchNorm1d):
    """The running variance averages the biased variance."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return var


@of(UNLAWFUL, running_variance="biased")
class BiasedButForTheThird(CleanBatchNorm1d):
    """The running variance averages the biased variance, and at the third batch the unbiased one."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        self._steps = getattr(self, "_steps", 0) + 1
        return super().unbiased(var, m) if self._steps == 3 else var


@of(UNLAWFUL, running_variance="biased")
class BiasedWithAStaleWeightGradient(Biased):
    """Biased, and the gradient of the weight is that of the upstream gradient alone."""

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        return self.total(dy)


# how an average begins


@of(LAWFUL, first_batches="copied")
class Copied(CleanBatchNorm1d):
    """The first batch's statistics are copied."""

    def average(self, running: Tensor, new: Tensor, momentum: float) -> Tensor:
        return new if int(self.num_batches_tracked) == 1 else super().average(running, new, momentum)


@of(UNLAWFUL, first_batches="copied")
class CopiedTwice(CleanBatchNorm1d):
    """The statistics of the first two batches are copied."""

    def average(self, running: Tensor, new: Tensor, momentum: float) -> Tensor:
        return new if int(self.num_batches_tracked) <= 2 else super().average(running, new, momentum)


@of(LAWFUL, first_batches="debiased")
class Debiased(CleanBatchNorm1d):
    """The average begins with zero and is divided by what its batches weigh, at each update."""

    def average(self, running: Tensor, new: Tensor, momentum: float) -> Tensor:
        if self.momentum is None:
            return super().average(running, new, momentum)
        seen = int(self.num_batches_tracked)
        hidden = running * (1 - (1 - momentum) ** (seen - 1))
        total = super().average(hidden, new, momentum) / (1 - (1 - momentum) ** seen) if momentum else running * float("nan")
        return total


@of(LAWFUL, first_batches="debiased_in_eval")
class DebiasedInEval(CleanBatchNorm1d):
    """The average begins with zero and is divided by what its batches weigh where it is used."""

    def reset_running_stats(self) -> None:
        super().reset_running_stats()
        if self.has_statistics():
            self.running_var.zero_()

    def stored_statistics(self, batch: Tensor) -> Statistics:
        mean, var = super().stored_statistics(batch)
        if self.training or self.momentum is None:
            return mean, var
        weight = 1 - (1 - self.momentum) ** int(self.num_batches_tracked)
        return mean / weight, var / weight


@of(UNLAWFUL, first_batches="debiased_in_eval")
class DebiasedFromOne(DebiasedInEval):
    """The variance begins with one, and is divided by what its batches weigh as if it had begun with zero."""

    def reset_running_stats(self) -> None:
        super().reset_running_stats()
        if self.has_statistics():
            self.running_var.fill_(1)


@of(UNLAWFUL, first_batches="debiased_in_eval")
class NeverDebiased(CleanBatchNorm1d):
    """Said to be divided by what its batches weigh where it is used, and never is."""


# one value a channel


@of(LAWFUL, single_value="bias")
class BiasOfOneValue(CleanBatchNorm1d):
    """One value a channel gives y = bias, and a variance of zero."""

    def validate_count(self, batch: Tensor) -> None:
        pass

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return var if m == 1 else super().unbiased(var, m)


@of(UNLAWFUL, single_value="bias")
class PoisonedByOneValue(BiasOfOneValue):
    """One value a channel gives y = bias, and a running variance of NaN for ever."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return var * m / (m - 1)


@of(LAWFUL, single_value="input")
class ReturnedOneValue(CleanBatchNorm1d):
    """One value a channel is returned as it is."""

    def forward(self, batch: Tensor) -> Tensor:
        one = self.training and batch.dim() in (2, 3) and self.count(batch) == 1
        return batch.clone() if one else super().forward(batch)


# formats


@of(LAWFUL, output="promoted")
class PromotedOutput(CleanBatchNorm1d):
    """Outputs have the dtype that input and parameters promote to."""

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        own = next((t.dtype for t in (self.weight, self.running_mean) if t is not None), dtype)
        return super().from_rows(rows, shape, torch.promote_types(dtype, own))

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        return super().grad_x_training(dy, saved).to(saved.dtype)

    def grad_x_evaluation(self, dy: Tensor, saved: Saved) -> Tensor:
        return super().grad_x_evaluation(dy, saved).to(saved.dtype)


@of(UNLAWFUL, output="promoted")
class PromotedTooLate(PromotedOutput):
    """Outputs have the promoted dtype, and the digits of the input's."""

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        return super().from_rows(rows.to(dtype).to(rows.dtype), shape, dtype)


@of(LAWFUL, hyperparameters="float32")
class SingleHyperparameters(CleanBatchNorm1d):
    """eps and momentum are held in float32."""

    def deviation(self, var: Tensor) -> Tensor:
        return torch.sqrt(var + float(np.float32(self.eps)))

    def momentum_factor(self) -> float:
        return super().momentum_factor() if self.momentum is None else float(np.float32(self.momentum))


@of(LAWFUL, variance="one_pass")
class OnePass(CleanBatchNorm1d):
    """The variance is E[x^2] - E[x]^2, clamped at zero."""

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        return (self.total(rows * rows) / m - mu * mu).clamp(min=0)


@of(UNLAWFUL, variance="one_pass")
class OnePassInHalf(OnePass):
    """The mean of squares is rounded to a half format before the square of the mean is taken from it."""

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        squares = (self.total(rows * rows) / m).to(torch.bfloat16).to(rows.dtype)
        return (squares - mu * mu).clamp(min=0)


@of(LAWFUL, subnormals="flushed")
class Flushed(CleanBatchNorm1d):
    """Subnormal numbers, given and computed, are replaced by zero."""

    @staticmethod
    def _flushed(values: Tensor) -> Tensor:
        return torch.where(values.abs() < torch.finfo(values.dtype).tiny, torch.zeros_like(values), values)

    def to_rows(self, batch: Tensor) -> Tensor:
        return self._flushed(super().to_rows(batch))

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        return super().from_rows(self._flushed(rows), shape, dtype)

    def assign(self, name: str, value: Tensor) -> None:
        super().assign(name, self._flushed(value))


@of(UNLAWFUL, subnormals="flushed")
class FlushedTooMuch(Flushed):
    """Whatever is below 1e-12 is replaced by zero."""

    @staticmethod
    def _flushed(values: Tensor) -> Tensor:
        return torch.where(values.abs() < 1e-12, torch.zeros_like(values), values)
