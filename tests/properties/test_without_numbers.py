"""What a layer says of tensors without numbers; who cannot take such is not asked."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.power.mutants.without_numbers import SAID_RIGHT
from bn_reference.properties import PROPERTIES
from bn_reference.reports.results import Result
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.recognition import load_target
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

(RULE,) = [rule for rule in PROPERTIES if rule.name == "a_step_without_numbers_gives_the_form_of_a_real_one"]
FLOAT32, BFLOAT16 = PAIRS[0], PAIRS[1]


def verdict(layer: Any, pair: Any = FLOAT32, examples: int = 40) -> Result:
    return Judge(TorchImplementation(layer, "layer"), Budget(examples)).check(RULE, pair)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_torchs_layer_keeps_the_rule(pair: Any) -> None:
    result = verdict(nn.BatchNorm1d, pair)
    assert (result.status, result.refused) == ("passed", {})


def test_an_operator_that_says_what_it_gives_keeps_the_rule() -> None:
    (control,) = SAID_RIGHT.controls
    result = verdict(control.factory, examples=160)
    assert (result.status, result.refused) == ("passed", {})


def test_one_example_of_sixteen_is_tried() -> None:
    assert (RULE.one_in, verdict(nn.BatchNorm1d, examples=100).examples) == (16, 7)


class Numbers(nn.BatchNorm1d):
    """Looks at a number of its input."""

    def forward(self, x: Tensor) -> Tensor:
        x.flatten()[0].item()
        return super().forward(x)


def test_a_layer_that_looks_at_numbers_cannot_be_asked() -> None:
    result = verdict(Numbers)
    assert (result.status, [*result.refused]) == ("unsupported", ["a step without numbers raises DataDependentOutputException"])


def test_no_layer_is_handed_a_null_pointer() -> None:
    handed = []

    class Pointers(nn.BatchNorm1d):
        """Hands the memory of its input to code of its own."""

        def forward(self, x: Tensor) -> Tensor:
            handed.append(x.data_ptr())
            return super().forward(x)

    assert (verdict(Pointers).status, 0 in handed) == ("unsupported", False)


def test_what_a_form_around_a_module_does_is_not_blamed_on_it() -> None:
    assert Judge(load_target("torch.nn:BatchNorm2d"), Budget(40)).check(RULE, BFLOAT16).status == "passed"


class OnMeta(nn.BatchNorm1d):
    """Gives another dtype on the meta device."""

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return y.double() if y.is_meta else y


def test_what_is_so_on_the_meta_device_alone_is_said_of_it() -> None:
    assert verdict(OnMeta).message.startswith("on the meta device y has dtype float64, where with numbers it has dtype float32")


def test_a_gradient_that_is_not_there_is_said() -> None:
    class Unlinked(nn.BatchNorm1d):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.detach() if x.is_meta else x)

    assert verdict(Unlinked).message.startswith("on the meta device there is no grad_x, where there is a grad_x")


def test_torch_is_as_it_was() -> None:
    verdict(nn.BatchNorm1d)
    assert torch.ones(1).item() == 1.0
