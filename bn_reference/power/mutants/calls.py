"""Mutants that are wrong where a layer is called otherwise, or that write where others read."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.mutants.lives import EVALUATION, FOLDED, MEAN, OUTPUT, REPLAYED, VARIANCE

__all__ = ["CALLS"]

SURROUNDINGS = "a_step_leaves_its_surroundings"
CALLS = Family()
mutant = CALLS.mutant


@mutant(FOLDED, EVALUATION, OUTPUT)
class WrongUnderNoGrad(CleanBatchNorm1d):
    """Where no gradient is recorded the output is off by one."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        return y if torch.is_grad_enabled() else y + 1


@mutant(FOLDED, EVALUATION)
class WrongInInferenceMode(CleanBatchNorm1d):
    """Under inference_mode the bias is left out."""

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return super().scale_and_shift(x_hat, gamma, 0 * beta if torch.is_inference_mode_enabled() else beta)


@mutant(FOLDED, MEAN, VARIANCE)
class StatisticsStandStillWithoutGradients(CleanBatchNorm1d):
    """Training under no_grad leaves the running statistics where they are."""

    def moves_statistics(self, batch: Tensor) -> bool:
        return super().moves_statistics(batch) and torch.is_grad_enabled()


@mutant(FOLDED, EVALUATION)
class FoldedOnceInEval(CleanBatchNorm1d):
    """The weight is folded at the first evaluation without gradients, and stays so until the layer trains again."""

    def parameters_used(self, weight: Tensor | None, bias: Tensor | None, batch: Tensor) -> tuple[Tensor, Tensor]:
        now = super().parameters_used(weight, bias, batch)
        if self.training or torch.is_grad_enabled():
            self._folded = now
            return now
        self._folded = getattr(self, "_folded", now)
        return self._folded


@mutant(REPLAYED, OUTPUT)
class StatisticsByAddress(CleanBatchNorm1d):
    """The mean of an input at the address and of the version of the last one is not computed again."""

    def batch_statistics(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        key = batch.data_ptr(), batch._version, batch.shape
        if getattr(self, "_key", None) != key:
            self._key, self._mean = key, super().batch_statistics(batch)[0]
        return self._mean, super().batch_statistics(batch)[1]


@mutant(issue("pytorch/pytorch", 29015), "the_upstream_gradient_is_never_modified")
class UpstreamAsScratch(CleanBatchNorm1d):
    """The upstream gradient serves as scratch memory in the backward pass."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        result = super().gradients(grad_y, saved)
        grad_y.zero_()
        return result


@mutant(pull("pytorch/pytorch", 2268), "what_came_out_stays_as_it_was")
class OneGradientForAll(CleanBatchNorm1d):
    """All backward passes of one shape write their gradient into the same memory."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        grad_x, grad_weight, grad_bias = super().gradients(grad_y, saved)
        if grad_x is not None:
            memory = self.__dict__.setdefault("_memory", {})
            grad_x = memory.setdefault((grad_x.shape, grad_x.dtype), torch.empty_like(grad_x)).copy_(grad_x)
        return grad_x, grad_weight, grad_bias


@mutant(REPLAYED, "what_came_out_stays_as_it_was")
class OneOutputForAll(CleanBatchNorm1d):
    """Without gradients all outputs of one shape lie in the same memory."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        if torch.is_grad_enabled():
            return y
        memory = self.__dict__.setdefault("_memory", {})
        kept: Tensor = memory.setdefault((y.shape, y.dtype), torch.empty_like(y)).copy_(y)
        return kept


@mutant(REPLAYED, OUTPUT, EVALUATION)
class OutputByAddress(CleanBatchNorm1d):
    """Where no gradient is recorded, an input at the address of the last one gets the last output again."""

    def forward(self, batch: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return super().forward(batch)
        key = batch.data_ptr(), batch.shape, self.training
        if getattr(self, "_key", None) != key:
            self._key, self._last = key, super().forward(batch)
        return self._last.clone()


@mutant(issue("uxlfoundation/oneDNN", 243), "arrays_written_over_give_no_wrong_gradient")
class InputReadAgain(CleanBatchNorm1d):
    """The backward pass reads the input again, in memory that autograd does not watch."""

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        self._latest = rows, mu, sigma
        return super().normalize(rows, mu, sigma)

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        return super().gradients(grad_y, saved._replace(x_hat=super().normalize(*self._latest)))


@mutant(issue("HazyResearch/flash-fft-conv", 26), SURROUNDINGS)
class SeedSet(CleanBatchNorm1d):
    """A step sets the seed of torch."""

    def forward(self, batch: Tensor) -> Tensor:
        torch.manual_seed(23)
        return super().forward(batch)


@mutant(pull("pytorch/pytorch", 136041), "output_has_the_form_of_the_input")
class OnesOfTheDefaultDtype(CleanBatchNorm1d):
    """The output is multiplied by ones of the default dtype, and has that where it is wider."""

    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch) * torch.ones(1)
