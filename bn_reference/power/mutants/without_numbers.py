"""Mutants that say something else of tensors without numbers than of those with: whatever compiles a step believes them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.power.declaration import Controls, Family, issue, pull

__all__ = ["SAID_RIGHT", "WITHOUT_NUMBERS"]

WITHOUT_NUMBERS, SAID_RIGHT = Family(), Controls()
mutant, control = WITHOUT_NUMBERS.mutant, SAID_RIGHT.control

FORM = "a_step_without_numbers_gives_the_form_of_a_real_one"
STRIDES = issue("pytorch/pytorch", 192668)
CHANNELS = 1


class LastOperator(torch.autograd.Function):
    """What an operator makes of the output; going back, that is left out."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, operator: Any) -> Tensor:
        made: Tensor = operator(y)
        return made

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        return upstream[0], None


def channels_last(y: Tensor) -> Tensor:
    """A copy of y (N, C) or (N, C, L) in whose memory the channels lie side by side."""
    return y.movedim(CHANNELS, -1).clone(memory_format=torch.contiguous_format).movedim(-1, CHANNELS)


class ThroughAnOperator(CleanBatchNorm1d):
    """The output goes through an operator of the layer's own, which lays channels last."""

    operator: Any = staticmethod(channels_last)

    def forward(self, batch: Tensor) -> Tensor:
        made: Tensor = LastOperator.apply(super().forward(batch), self.operator)  # type: ignore[no-untyped-call]
        return made


def operator_of(name: str, fake: Any) -> Any:
    """An operator that lays channels last, and says of tensors without numbers what ``fake`` does."""
    made = torch.library.custom_op(f"bn_reference_power::{name}", channels_last, mutates_args=(), schema="(Tensor y) -> Tensor")
    made.register_fake(fake)
    return made


@control
class OperatorThatSaysWhatItGives(ThroughAnOperator):
    """An operator of its own says the strides that it gives."""

    operator = staticmethod(operator_of("said_right", channels_last))


@mutant(STRIDES, FORM)
class SaidToBeContiguous(ThroughAnOperator):
    """What an operator of its own says of tensors without numbers has the strides of contiguous ones."""

    operator = staticmethod(operator_of("said_contiguous", torch.empty_like))


@mutant(pull("pytorch/pytorch", 109394), FORM)
class SaidInTheParametersDtype(ThroughAnOperator):
    """What an operator of its own says of tensors without numbers forgets that the output is rounded to the dtype of x."""

    operator = staticmethod(operator_of("said_wide", lambda y: channels_last(y).to(torch.float32)))


@mutant(issue("pytorch/pytorch", 100985), FORM)
class SaidToHaveNoPositions(ThroughAnOperator):
    """What an operator of its own says of tensors without numbers leaves the positions out."""

    operator = staticmethod(operator_of("said_short", lambda y: channels_last(y)[..., 0] if y.dim() > 2 else channels_last(y)))
