"""Mutants of who asks for a gradient, of how gradients add up, and of what is written over before the backward pass."""

from __future__ import annotations

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved
from bn_reference.power.declaration import Family, issue, pull

__all__ = ["MECHANICS"]

MECHANICS = Family()
mutant = MECHANICS.mutant

ASKED, ADDED = "what_asks_for_a_gradient_gets_it_and_nothing_else_does", "gradients_of_two_steps_add_up_exactly"
STOLEN = pull("pytorch/pytorch", 119334)


# who asks for a gradient


@mutant(issue("apache/mxnet", 18499), ASKED)
class GradientWrittenWhereNobodyAsked(CleanBatchNorm1d):
    """The backward pass puts a gradient into a weight that asks for none."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        if self.weight is not None and not saved.needs[1]:
            self.weight.grad = self.grad_weight(self.upstream_to_rows(grad_y), saved).to(self.weight.dtype)
        return super().gradients(grad_y, saved)


@mutant(issue("apache/mxnet", 16297), ASKED)
class BiasFrozenWithTheWeight(CleanBatchNorm1d):
    """Where the weight asks for no gradient, that of the bias is zero."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        x, weight, bias = super().gradients(grad_y, saved)
        return x, weight, bias if saved.needs[1] or bias is None else torch.zeros_like(bias)


@mutant(issue("PaddlePaddle/Paddle", 7347), ASKED)
class WeightOneWhereItAloneIsFrozen(CleanBatchNorm1d):
    """Where the bias asks for a gradient and the weight does not, the gradient of the input takes the weight for one."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        alone = saved.needs[2] and not saved.needs[1]
        return super().gradients(grad_y, saved._replace(gamma=torch.ones_like(saved.gamma)) if alone else saved)


@mutant(issue("PaddlePaddle/Paddle", 7347), ASKED)
class WeightAloneGetsNothing(CleanBatchNorm1d):
    """Where the weight alone asks for a gradient, it gets zeros."""

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        right = super().grad_weight(dy, saved)
        return right if saved.needs[0] or saved.needs[2] else torch.zeros_like(right)


# how gradients add up


@mutant(STOLEN, ADDED)
class GradientInStolenMemory(CleanBatchNorm1d):
    """The gradient of the weight lies in memory of the layer's, which the next backward pass writes to."""

    def grad_weight(self, dy: Tensor, saved: Saved) -> Tensor:
        right = super().grad_weight(dy, saved).to(self.weight.dtype)
        memory: Tensor = self.__dict__.setdefault("_memory", {}).setdefault(right.dtype, torch.empty_like(right))
        return memory.copy_(right).detach()  # another tensor on the same memory, which .grad takes for its own


@mutant(issue("apache/mxnet", 18499), ADDED)
class GradientsStartAnew(CleanBatchNorm1d):
    """A forward pass lets go of the gradients that are there."""

    def forward(self, batch: Tensor) -> Tensor:
        if self.training:
            self.zero_grad()
        return super().forward(batch)


@mutant(issue("apache/mxnet", 18499), ADDED)
class GradientsAddedTwice(CleanBatchNorm1d):
    """The backward pass adds what is there already to the gradient of the bias, which is then added to it again."""

    def grad_bias(self, dy: Tensor, saved: Saved) -> Tensor:
        there = None if self.bias is None else self.bias.grad
        right = super().grad_bias(dy, saved)
        return right if there is None else right + there.to(right.dtype)


# what is written over


@mutant(issue("pytorch/pytorch", 13402), "arrays_written_over_give_no_wrong_gradient")
class LiveWeightInTheBackwardPass(CleanBatchNorm1d):
    """The backward pass reads the weight as it is by then, and says nothing where it was written over."""

    def parameters_used(self, weight: Tensor | None, bias: Tensor | None, batch: Tensor) -> tuple[Tensor, Tensor]:
        gamma, beta = super().parameters_used(weight, bias, batch)
        return gamma.clone(), beta

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        live = saved.gamma if self.weight is None else self.weight.detach().to(saved.gamma.dtype)
        return super().gradients(grad_y, saved._replace(gamma=live))
