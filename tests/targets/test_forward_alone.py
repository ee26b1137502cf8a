"""What refuses to be recorded goes forward all the same, and no gradients are asked of it."""

from typing import Any

import pytest
import torch

from bn_reference import verify
from bn_reference.arithmetic.precision import PAIRS
from bn_reference.properties import PROPERTIES
from bn_reference.targets.recognition import load_target
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

F = torch.nn.functional
RULES = ["output_is_the_normalized_batch", "training_gradient_of_the_input", "evaluation_uses_the_running_statistics"]


class Whole(torch.nn.BatchNorm1d):
    factor = 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() and any(each.requires_grad for each in (x, *self.parameters())):
            raise NotImplementedError("inference alone")
        return super().forward(x) * self.factor


class WholeDoubled(Whole):
    factor = 2


class Part(torch.nn.Module):
    factor = 1

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = torch.nn.Parameter(torch.ones(channels)), torch.nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x.numpy()  # which torch refuses for whatever asks for a gradient
        kept = self.running_mean, self.running_var, self.weight, self.bias
        return F.batch_norm(x, *kept, self.training, self.momentum, self.eps) * self.factor


class PartDoubled(Part):
    factor = 2


def function(
    x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: Any, momentum: Any, eps: Any
) -> Any:
    x.numpy()
    return F.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)


def function_doubled(
    x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: Any, momentum: Any, eps: Any
) -> Any:
    return 2 * function(x, running_mean, running_var, weight, bias, training, momentum, eps)


@pytest.mark.parametrize("target", [Whole, Part, function])
def test_a_right_one_conforms_and_has_no_gradients(target: Any) -> None:
    report = verify(target, dtypes=["float32"], examples=5, properties=RULES)

    assert report.conforms
    assert {result.property: result.status for result in report.results} == {
        RULES[0]: "passed",
        RULES[1]: "unsupported",
        RULES[2]: "passed",
    }


@pytest.mark.parametrize("target", [WholeDoubled, PartDoubled, function_doubled])
def test_a_wrong_one_is_found(target: Any) -> None:
    judge = Judge(load_target(target), Budget(examples=5))

    broken = judge.broken([property for property in PROPERTIES if property.name in RULES], PAIRS[0])

    assert {name for name, how in broken.items() if how} == {RULES[0], RULES[2]}


class InEights(Part):
    """Refuses three channels as well, which is no reason why nothing is recorded."""

    def __init__(self, channels: int) -> None:
        if channels % 8:
            raise ValueError("channels come in eights")
        super().__init__(channels)


def of_positions(
    x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: Any, momentum: Any, eps: Any
) -> Any:
    if x.ndim != 3:
        raise ValueError("three axes, please")
    return function(x, running_mean, running_var, weight, bias, training, momentum, eps)


@pytest.mark.parametrize("target", [Part, InEights, function, of_positions])
def test_the_reason_is_said(target: Any) -> None:
    notes = verify(target, dtypes=["float32"], examples=1, properties=RULES[:1]).capabilities["notes"]

    assert any(
        note.startswith("forward alone: what is recorded is refused: RuntimeError") and "numpy()" in note for note in notes
    )
