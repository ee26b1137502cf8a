"""Long lives: torch's layer and the reference lead them, and who breaks once, late, is found with the calls that it took."""

from typing import Any

import pytest
import torch

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.properties import ALL, ON_REQUEST, PROPERTIES
from bn_reference.reports.results import Result
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.recognition import load_target
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget, UnusableArguments, select_properties

RULE = ON_REQUEST[0]


def judged(layer: Any, examples: int = 2, pair: int = 0) -> Result:
    target = load_target(layer) if isinstance(layer, str) else TorchImplementation(layer, layer.__name__)
    return Judge(target, Budget(examples=examples, timeout=120)).check(RULE, PAIRS[pair])


def test_it_is_asked_for_by_name_alone() -> None:
    assert RULE not in select_properties(None)
    assert select_properties(["lives"]) == (RULE,) == select_properties([RULE.name])
    assert (*PROPERTIES, RULE) == ALL
    with pytest.raises(UnusableArguments, match="did you mean lives"):
        select_properties(["live"])


@pytest.mark.parametrize("target", ["torch.nn:BatchNorm1d", "bn_reference:BatchNorm1d"])
def test_a_right_layer_leads_long_lives(target: str) -> None:
    result = judged(target)

    assert (result.status, result.examples) == ("passed", 2), result.message


@pytest.mark.nightly
@pytest.mark.parametrize("pair", range(len(PAIRS)))
@pytest.mark.parametrize("target", ["torch.nn:BatchNorm1d", "torch.nn:BatchNorm2d", "bn_reference:BatchNorm1d"])
def test_a_right_layer_leads_many_long_lives_in_every_pair(target: str, pair: int) -> None:
    assert judged(target, examples=50, pair=pair).status == "passed"


class Fortieth(torch.nn.BatchNorm1d):
    """Wrong in its fortieth call alone."""

    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        y = super().forward(x)
        return y + 1 if self.calls == 40 else y


class Tires(torch.nn.BatchNorm1d):
    """Raises in its thirtieth call."""

    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.calls == 30:
            raise RuntimeError("tired")
        return super().forward(x)


class Forgets(torch.nn.BatchNorm1d):
    """An evaluation of a layer that was loaded resets its statistics."""

    def _load_from_state_dict(self, *arguments: Any, **options: Any) -> None:
        super()._load_from_state_dict(*arguments, **options)
        self.loaded = True

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = super().forward(x)
        if not self.training and getattr(self, "loaded", False):
            self.reset_running_stats()
        return y


@pytest.mark.parametrize("layer", [Fortieth, Tires, Forgets], ids=lambda layer: layer.__name__)
def test_who_breaks_late_or_after_an_operation_is_found(layer: type) -> None:
    result = judged(layer, examples=6)

    assert result.status == "violated"
    assert result.violation is not None
    assert result.violation.reproducer
