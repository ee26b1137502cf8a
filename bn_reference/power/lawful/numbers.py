"""The formats that numbers are kept in, and how exactly they are computed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bn_reference.portrait.computes import FLUSHED, ONE_PASS
from bn_reference.power.clean import CleanBatchNorm1d, Saved
from bn_reference.power.lawful.declaration import OfConventions

__all__ = ["NUMBERS"]

NUMBERS = OfConventions()


# formats


@NUMBERS.lawful(output="promoted")
class PromotedOutput(CleanBatchNorm1d):
    """Outputs have the dtype that input and parameters promote to."""

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        own = next((t.dtype for t in (self.weight, self.running_mean) if t is not None), dtype)
        return super().from_rows(rows, shape, torch.promote_types(dtype, own))

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        return super().grad_x_training(dy, saved).to(saved.dtype)

    def grad_x_evaluation(self, dy: Tensor, saved: Saved) -> Tensor:
        return super().grad_x_evaluation(dy, saved).to(saved.dtype)


@NUMBERS.unlawful(output="promoted")
class PromotedTooLate(PromotedOutput):
    """Outputs have the promoted dtype, and the digits of the input's."""

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        return super().from_rows(rows.to(dtype).to(rows.dtype), shape, dtype)


@NUMBERS.lawful(hyperparameters="float32")
class SingleHyperparameters(CleanBatchNorm1d):
    """eps and momentum are held in float32."""

    def deviation(self, var: Tensor) -> Tensor:
        return torch.sqrt(var + float(np.float32(self.eps)))

    def momentum_factor(self) -> float:
        return super().momentum_factor() if self.momentum is None else float(np.float32(self.momentum))


@NUMBERS.lawful(variance="one_pass")
class OnePass(CleanBatchNorm1d):
    """The variance is E[x^2] - E[x]^2, clamped at zero."""

    computes = CleanBatchNorm1d.computes.but(variance=ONE_PASS, squares=None)

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        return (self.total(rows * rows) / m - mu * mu).clamp(min=0)


@NUMBERS.unlawful(variance="one_pass")
class OnePassUnclamped(OnePass):
    """The variance is E[x^2] - E[x]^2 as it comes out, below zero too, which has no root."""

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        return self.total(rows * rows) / m - mu * mu


@NUMBERS.unlawful(variance="one_pass")
class OnePassInHalf(OnePass):
    """The mean of squares is rounded to a half format before the square of the mean is taken from it."""

    def batch_variance(self, rows: Tensor, mu: Tensor, m: int) -> Tensor:
        squares = (self.total(rows * rows) / m).to(torch.bfloat16).to(rows.dtype)
        return (squares - mu * mu).clamp(min=0)


@NUMBERS.lawful(subnormals="flushed")
class Flushed(CleanBatchNorm1d):
    """Subnormal numbers, given and computed, are replaced by zero."""

    computes = CleanBatchNorm1d.computes.but(subnormals=FLUSHED)

    @staticmethod
    def _flushed(values: Tensor) -> Tensor:
        return torch.where(values.abs() < torch.finfo(values.dtype).tiny, torch.zeros_like(values), values)

    def to_rows(self, batch: Tensor) -> Tensor:
        return self._flushed(super().to_rows(batch))

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        return super().from_rows(self._flushed(rows), shape, dtype)

    def assign(self, name: str, value: Tensor) -> None:
        super().assign(name, self._flushed(value))


@NUMBERS.unlawful(subnormals="flushed")
class FlushedTooMuch(Flushed):
    """Whatever is below 1e-12 is replaced by zero."""

    @staticmethod
    def _flushed(values: Tensor) -> Tensor:
        return torch.where(values.abs() < 1e-12, torch.zeros_like(values), values)
