"""Scripts of what is derived beyond the first backward pass, or goes elsewhere: they fail as the target does."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.power.mutants.catalogue import MUTANTS
from bn_reference.properties import PROPERTIES
from bn_reference.reports.results import Violation
from bn_reference.reproduction.run import fails
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.recognition import name_of
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

Violated = Callable[..., Violation]

CALLS = {  # a mutant for each kind of call, and what its script has
    "statistics_detached_going_back": "create_graph=True",
    "second_gradient_of_training_in_eval": "create_graph=True",
    "tangent_of_constants": "torch.func.functional_call",
    "mapped_without_bias": "torch.func.vmap",
    "bias_frozen_with_the_weight": ".weight.requires_grad_(False)",
    "gradients_added_twice": ".backward(",
    "live_weight_in_the_backward_pass": ".weight.zero_()",
}
FUNCTION = """
import torch


class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        mean, inverse = x.mean(0), (x.var(0, unbiased=False) + eps).rsqrt()
        ctx.save_for_backward(x, weight, mean, inverse)
        return (x - mean) * inverse * weight + bias

    @staticmethod
    def backward(ctx, dy):
        x, weight, mean, inverse = ctx.saved_tensors
        x_hat = (x - mean) * inverse
        dx = weight * inverse * (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0))
        return dx, (dy * x_hat).sum(0), dy.sum(0), None


def normalized(input, running_mean, running_var, weight, bias, training, momentum, eps):
    if training:
        with torch.no_grad():
            running_mean += momentum * (input.mean(0) - running_mean)
            running_var += momentum * (input.var(0) - running_var)
        return Wrong.apply(input, weight, bias, eps)
    return (input - running_mean) * (running_var + eps).rsqrt() * weight + bias
"""


@pytest.mark.parametrize(("name", "call"), CALLS.items())
def test_the_script_of_each_kind_of_call_fails(name: str, call: str) -> None:
    (mutant,) = (each for each in MUTANTS if each.name == name)
    (rule,) = (each for each in PROPERTIES if each.name == mutant.claimed_by[0])
    judge = Judge(TorchImplementation(mutant.factory, name), Budget(examples=30), spec=name_of(mutant.factory))
    violation = judge.check(rule, PAIRS[0]).violation

    assert violation is not None
    assert call in violation.reproducer
    assert fails(violation.reproducer, 60.0) is True


def test_the_script_of_a_function_fails_in_words_of_the_protocol(folder: Path, violated: Violated) -> None:
    found = violated("wrong.py:normalized", FUNCTION, "second_derivatives_of_a_training_step", examples=30)

    assert ".second(" in found.reproducer
    assert fails(found.reproducer, 60.0) is True
