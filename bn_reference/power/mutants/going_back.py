"""Mutants of what lies between a step and its backward pass: other steps, what is done to y, and who asks for a gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.mutants.lives import GRAD_WEIGHT, GRAD_X, MEAN, OUTPUT
from bn_reference.power.mutants.mechanics import ASKED

__all__ = ["GOING_BACK"]

GOING_BACK = Family()
mutant = GOING_BACK.mutant

BOTH, RECTIFIED = "one_backward_pass_through_two_steps_gives_both_gradients", "an_in_place_relu_is_gone_back_through"
SHARED, TAPE = (
    pull("jmschrei/tangermeme", 54),
    issue("bshillingford/autobw.torch", 3),
)  # what a module keeps is its latest step's
INPLACE = issue("mapillary/inplace_abn", 155)
PARTS = issue("apache/mxnet", 18499)


# several steps before one backward pass


@mutant(TAPE, GRAD_X, BOTH)
class KeepsItsLatestStep(CleanBatchNorm1d):
    """The backward pass goes through the latest step of the layer, if it has the same shape, whichever is asked for."""

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        self._latest = super().normalize(rows, mu, sigma).detach(), sigma.detach()
        return self._latest[0].clone()

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        x_hat, sigma = self._latest
        same = x_hat.shape == saved.x_hat.shape and x_hat.dtype == saved.x_hat.dtype
        return super().gradients(grad_y, saved._replace(x_hat=x_hat, sigma=sigma) if same else saved)


class Kept(CleanBatchNorm1d):
    """A layer that keeps what its steps need to go back, and takes one of them; no mutant."""

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        x_hat = super().normalize(rows, mu, sigma)
        self.__dict__["_kept"] = [*self.kept()[-3:], (x_hat.detach().clone(), sigma.detach())]
        return x_hat

    def kept(self) -> list[Any]:
        found: list[Any] = self.__dict__.get("_kept", [])
        return found

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        alike = [each for each in self.kept() if each[0].shape == saved.x_hat.shape and each[0].dtype == saved.x_hat.dtype]
        if not alike:
            return super().gradients(grad_y, saved)
        taken = self.taken(alike)
        self.__dict__["_kept"] = [each for each in self.kept() if each is not taken]
        return super().gradients(grad_y, saved._replace(x_hat=taken[0], sigma=taken[1]))

    def taken(self, alike: list[Any]) -> Any:
        raise NotImplementedError


@mutant(SHARED, BOTH)
class FirstInFirstOut(Kept):
    """Of several steps of one shape the backward pass goes through the oldest first."""

    def taken(self, alike: list[Any]) -> Any:
        return alike[0]


@mutant(SHARED, GRAD_X, BOTH)
class LastInFirstOut(Kept):
    """Of several steps of one shape the backward pass goes through the latest first, whichever is asked for."""

    def taken(self, alike: list[Any]) -> Any:
        return alike[-1]


# what is done to y


@mutant(INPLACE, RECTIFIED)
class OutputIsTheNormalizedBatch(CleanBatchNorm1d):
    """Without weight and bias the output lies in the memory of the normalized batch, which the backward pass reads."""

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return x_hat.data if self.weight is None else super().scale_and_shift(x_hat, gamma, beta)

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        y = super().from_rows(rows, shape, dtype)
        return torch.empty(0, dtype=dtype, device=y.device).set_(y.data) if self.weight is None else y  # no view of anything


class ReadsItsOutput(CleanBatchNorm1d):
    """A layer that finds the output of a step again, as it is by then; no mutant."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        self.__dict__.setdefault("_outputs", {})[tuple(y.shape)] = y.data
        return y

    def found(self, saved: Saved) -> Tensor | None:
        """The output of a step of that shape, (m, C)."""
        y = self.__dict__.get("_outputs", {}).get(tuple(saved.shape))
        return None if y is None else self.to_rows(y.to(saved.dtype)).to(saved.gamma.dtype)


@mutant(INPLACE, RECTIFIED)
class NormalizedBatchOfTheOutput(ReadsItsOutput):
    """The backward pass makes the normalized batch of the output, in memory that autograd does not watch."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        return super().gradients(grad_y, saved._replace(x_hat=self.x_hat_of(saved)))

    def x_hat_of(self, saved: Saved) -> Tensor:
        """Of the output: (y - beta) / gamma."""
        rows = self.found(saved)
        if rows is None or not (saved.gamma != 0).all():
            return saved.x_hat
        return (rows - (0 if self.bias is None else self.bias.detach().to(rows.dtype))) / saved.gamma


@mutant(INPLACE, RECTIFIED)
class OutputsOfZeroAreDead(ReadsItsOutput):
    """The gradient of the input leaves out of the means what the output, as it is by then, has for zero."""

    def grad_x_training(self, dy: Tensor, saved: Saved) -> Tensor:
        rows = self.found(saved)
        alive = torch.ones_like(dy) if rows is None or rows.shape != dy.shape else (rows != 0).to(dy.dtype)
        m = torch.clamp(alive.sum(0), min=1)
        centred = dy - self.total(dy) / m
        return saved.gamma / saved.sigma * (centred - saved.x_hat * (self.total(dy * saved.x_hat) / m))


# who asks for a gradient


def asks(own: Any) -> bool:
    return own is None or own.requires_grad


@mutant(PARTS, OUTPUT, ASKED)
class InputWithoutGradientIsEvaluated(CleanBatchNorm1d):
    """An input that asks for no gradient, while others do, is normalized with the running statistics."""

    def forward(self, batch: Tensor) -> Tensor:
        self.__dict__["_evaluates"] = torch.is_grad_enabled() and not batch.requires_grad and self.has_statistics()
        return super().forward(batch)

    def chooses_batch_statistics(self) -> bool:
        return super().chooses_batch_statistics() and not self.__dict__.get("_evaluates")


@mutant(PARTS, OUTPUT, ASKED)
class FrozenBiasLeftOut(CleanBatchNorm1d):
    """A bias that asks for no gradient, while the weight does, is left out."""

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        alone = not asks(self.bias) and asks(self.weight)
        return super().scale_and_shift(x_hat, gamma, 0 * beta if alone else beta)


@mutant(PARTS, MEAN, ASKED)
class StatisticsOfAFrozenWeight(CleanBatchNorm1d):
    """Where the weight asks for no gradient, but something else does, the running statistics stand still."""

    def moves_statistics(self, batch: Tensor) -> bool:
        alone = not asks(self.weight) and (asks(self.bias) or batch.requires_grad)
        return super().moves_statistics(batch) and not alone


@mutant(PARTS, GRAD_WEIGHT, ASKED)
class WeightGradientWithoutTheInputs(CleanBatchNorm1d):
    """Where the input asks for no gradient, that of the weight lacks the division by the deviation."""

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        right = super().grad_weight(dy, saved)
        return right if saved.needs[0] else right * saved.sigma
