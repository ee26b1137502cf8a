"""The verdict: what a misbehaving target gets, how small its case is, and that nothing but target and seed decides."""

import time
from typing import Any

import pytest
import torch

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.sizes import large_recipes
from bn_reference.properties import PROPERTIES, Property
from bn_reference.reports.results import Result, Violation
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.verification import draw as search_module
from bn_reference.verification.draw import ROUND, drawings_within, search
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

FLOAT32 = PAIRS[0]
BY_NAME = {property.name: property for property in PROPERTIES}
OUTPUT = BY_NAME["output_is_the_normalized_batch"]
VARIANCE = BY_NAME["one_step_moves_the_running_variance"]


class Raises(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        raise RuntimeError("no kernel for this shape")


class ReturnsNone(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        super().forward(x)


class ReturnsATuple(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x), None


class AddsAnAxis(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x)[None]


class GivesNaN(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x) * float("nan")


class Sleeps(torch.nn.BatchNorm1d):
    calls = 0

    def forward(self, x: torch.Tensor) -> Any:
        Sleeps.calls += 1
        time.sleep(3600)


class BiasedRunningVariance(torch.nn.BatchNorm1d):
    """Without the factor n / (n - 1)."""

    def forward(self, x: torch.Tensor) -> Any:
        if not self.training or self.running_var is None:
            return super().forward(x)
        unbiased = self.running_var
        before = unbiased.clone()
        y = super().forward(x)
        n = x.numel() // x.shape[1]
        f = 1.0 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        kept = (1.0 - f) * before
        unbiased.data.copy_(kept + (unbiased - kept) * (n - 1) / n)  # autograd watches the buffer's version, not its data
        return y


def verdict(layer: type[torch.nn.Module], property_: Property = OUTPUT, **budget: Any) -> Result:
    return Judge(TorchImplementation(layer, layer.__name__), Budget(**{"examples": 20, **budget})).check(property_, FLOAT32)


def violation(layer: type[torch.nn.Module], property_: Property = OUTPUT, **budget: Any) -> Violation:
    result = verdict(layer, property_, **budget)
    assert result.status == "violated"
    assert result.violation is not None
    return result.violation


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Raises, "forward raised RuntimeError: no kernel for this shape"),
        (ReturnsNone, "forward returned None, not a tensor"),
        (ReturnsATuple, "forward returned a tuple, not a tensor"),
        (AddsAnAxis, "y has shape (1, 1, 1, 2) and must have (1, 1, 2)"),
        (GivesNaN, "y[0, 0, 0] is nan, expected"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_target_that_misbehaves_violates_with_a_sentence(layer: type[torch.nn.Module], message: str) -> None:
    assert violation(layer).message.startswith(message)


def test_a_target_that_never_returns_violates_after_the_time_limit() -> None:
    assert (
        violation(Sleeps, timeout=0.2).message
        == "an example did not come to an end within 0.2 s (--timeout sets another limit)"
    )


def test_a_target_that_never_returns_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sleeps, "calls", 0)
    verdict(Sleeps, timeout=0.2)

    assert Sleeps.calls == 1


def test_no_more_than_a_round_of_cases_is_drawn_before_one_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent of a worker that tries nothing for the time limit takes it for hanging."""
    drawn: list[int] = [0]

    def watched(strategy, key, body, examples):  # type: ignore[no-untyped-def]
        drawn[-1] += examples
        search(strategy, key, body, examples)

    monkeypatch.setattr(search_module, "search", watched)
    drawings_within.cache_clear()
    judge = Judge(
        TorchImplementation(torch.nn.BatchNorm1d, "torch"), Budget(2 * ROUND + 7), on_example=lambda *_: drawn.append(0)
    )
    result = judge.check(OUTPUT, FLOAT32)

    large = len(list(large_recipes(FLOAT32, examples=2 * ROUND + 7)))
    assert result.examples == 2 * ROUND + 7 + large
    assert sum(drawn) >= result.examples - large
    assert max(drawn) == ROUND


def test_no_case_is_drawn_that_no_property_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def watched(strategy, key, body, examples):  # type: ignore[no-untyped-def]
        drawn.append(examples)
        search(strategy, key, body, examples)

    monkeypatch.setattr(search_module, "search", watched)
    drawings_within.cache_clear()
    verdict(torch.nn.BatchNorm1d, OUTPUT)

    assert len(drawn) == 1


def test_the_case_of_a_violation_is_small_and_on_the_lattice() -> None:
    case = violation(BiasedRunningVariance, VARIANCE).case

    assert case is not None
    assert case.kinds == ("lattice",)
    assert case.x.size == 2
    assert (case.eps, case.momentum, case.layout) == (1e-5, 0.1, "contiguous")


def test_a_known_slip_is_named() -> None:
    said = violation(BiasedRunningVariance, VARIANCE).diagnosis

    assert said == "the running variance takes the biased variance, without the factor n / (n - 1)"


def test_the_verdict_does_not_depend_on_which_properties_are_tried_with_it() -> None:
    judge = Judge(TorchImplementation(BiasedRunningVariance, "biased"), Budget(examples=20))
    together = {result.property: result for result in judge.check_together([OUTPUT, VARIANCE], FLOAT32)}
    alone = verdict(BiasedRunningVariance, VARIANCE)

    assert repr(together[VARIANCE.name].violation.case) == repr(alone.violation.case)  # type: ignore[union-attr]
    assert together[OUTPUT.name].status == "passed"


def test_another_seed_tries_other_cases_and_the_same_seed_the_same() -> None:
    ratios = [verdict(torch.nn.BatchNorm1d, seed=seed).worst_ratio for seed in (0, 0, 1)]

    assert ratios[0] == ratios[1] != ratios[2]


def test_every_property_has_the_number_of_examples_that_was_asked_for() -> None:
    judge = Judge(TorchImplementation(torch.nn.BatchNorm1d, "torch"), Budget(examples=20))
    properties = [property for property in PROPERTIES if property.family == "normalization"]

    large = len(list(large_recipes(FLOAT32, examples=20)))
    results = judge.check_together(properties, FLOAT32)

    assert {result.examples for result in results if result.property != OUTPUT.name} == {20}
    assert [result.examples for result in results if result.property == OUTPUT.name] == [20 + large]


def test_with_fail_fast_the_first_violation_is_the_only_verdict() -> None:
    judge = Judge(TorchImplementation(BiasedRunningVariance, "biased"), Budget(examples=20))

    (result,) = judge.check_together([OUTPUT, VARIANCE], FLOAT32, fail_fast=True)

    assert (result.property, result.status) == (VARIANCE.name, "violated")
