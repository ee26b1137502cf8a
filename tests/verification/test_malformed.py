"""What is wrong in form, raises or cannot be asked is told as what it is: no error of ours, no excuse, no hollow verdict."""

from __future__ import annotations

from typing import Any

import malformed
import pytest
import torch

from bn_reference import verify
from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.sizes import large_recipes
from bn_reference.power.mutants.catalogue import MUTANTS
from bn_reference.properties import PROPERTIES
from bn_reference.reports.results import Result
from bn_reference.targets.recognition import load_target
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

SINGLE = PAIRS[0]

SAID = {
    malformed.ReturnsNothing: "forward returned None, not a tensor",
    malformed.ReturnsAList: "forward returned a list, not a tensor",
    malformed.ReturnsATuple: "forward returned a tuple, not a tensor",
    malformed.ReturnsWholeNumbers: "y has dtype int64, which is none that batch normalization is verified in",
    malformed.ReturnsComplexNumbers: "y has dtype complex128, which is none that batch normalization is verified in",
    malformed.MoreAxes: "y has shape (1, 1, 2, 1) and must have (1, 1, 2)",
    malformed.OneRowLess: "y has shape (0, 1, 2) and must have (1, 1, 2)",
    malformed.Scalar: "y has shape () and must have (1, 1, 2)",
    malformed.Words: "y has dtype <U1, which is none that batch normalization is verified in",
    malformed.Objects: "y has dtype object, which is none that batch normalization is verified in",
    malformed.NoWeight: "the layer has no attribute weight, which torch.nn.BatchNorm1d has",
    malformed.StepIsAnArray: "the session's forward returned an ndarray, not bn_reference's Step",
}


def results_of(target: Any, examples: int = 5) -> dict[str, Result]:
    judge = Judge(load_target(target), Budget(examples))
    return {result.property: result for result in judge.check_together(PROPERTIES, SINGLE)}


def those(results: dict[str, Result], status: str) -> set[str]:
    return {name for name, result in results.items() if result.status == status}


@pytest.mark.parametrize("target", [*malformed.LAYERS, *malformed.ADAPTERS], ids=lambda target: target.__name__)
def test_whatever_comes_out_no_rule_ends_in_an_error_of_ours(target: type) -> None:
    broken = Judge(load_target(target), Budget(2)).broken(PROPERTIES, SINGLE)

    assert set(broken) == {property.name for property in PROPERTIES}


ALL = [*malformed.LAYERS, *(mutant.factory for mutant in MUTANTS)]


@pytest.mark.nightly
@pytest.mark.parametrize("number", range(len(ALL)), ids=lambda number: ALL[number].__name__)
def test_nothing_rings(number: int) -> None:
    """In float32, and in another pair of dtypes, so that each pair has a sixth of them."""
    for pair in dict.fromkeys((SINGLE, PAIRS[number % len(PAIRS)])):
        Judge(load_target(ALL[number]), Budget(20)).check_together(PROPERTIES, pair)


@pytest.mark.parametrize(("target", "said"), SAID.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_wrong_form_is_said(target: type, said: str) -> None:
    assert Judge(load_target(target), Budget(5)).check(PROPERTIES[0], SINGLE).message == said


def test_what_a_target_raises_is_told_with_its_file_and_line() -> None:
    said = Judge(load_target(malformed.Raises), Budget(5)).check(PROPERTIES[0], SINGLE).message

    assert said.startswith("forward raised IndexError: index 7 is out of bounds (")
    assert said.endswith(", line 69)")
    assert "malformed.py" in said


def test_a_doubled_output_without_a_backward_pass_is_seen() -> None:
    assert Judge(load_target(malformed.DoubledInTraining), Budget(5)).check(PROPERTIES[0], SINGLE).status == "violated"


def test_an_adapter_that_only_goes_forward_lacks_only_the_rules_of_gradients_and_of_what_it_keeps() -> None:
    results = results_of(malformed.ForwardOnly)
    gradients = {property.name for property in PROPERTIES if property.family == "gradients"}
    kept = {"statistics_move_without_gradients", "buffers_are_updated_in_place", "nothing_is_stale_after_loading_a_state"}
    kept |= {"the_input_is_never_modified", "the_upstream_gradient_is_never_modified"}
    kept |= {"the_output_lies_in_memory_of_its_own", "what_was_loaded_is_copied"}
    kept |= {"what_came_out_stays_as_it_was", "a_copy_shares_nothing", "a_layer_holds_on_to_few_things"}
    whole = {"what_is_no_batch_is_refused", "other_dtypes_are_refused_or_right", "what_a_layer_shows_is_so"}
    whole |= {"without_affine_there_are_no_parameters", "a_saved_state_restores_the_layer"}
    whole |= {"statistics_stand_still_while_they_are_not_tracked"}
    whole |= {"what_happens_to_a_layer_leaves_its_numbers", "threads_change_rounding_alone"}

    assert those(results, "unsupported") == gradients | kept | whole
    assert those(results, "violated") == set()


class WithoutCounter(torch.nn.Module):
    """Right, but for a counter, which it has not."""

    def __init__(
        self, features: int, eps: float, momentum: float, affine: bool, track_running_stats: bool, **options: Any
    ) -> None:
        super().__init__()
        self.inner = torch.nn.BatchNorm1d(features, eps, momentum, affine, track_running_stats, **options)

    def __getattr__(self, name: str) -> Any:
        if name in ("weight", "bias", "running_mean", "running_var"):
            return getattr(self.inner, name)
        return super().__getattr__(name)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.inner.momentum is None:
            raise NotImplementedError("momentum=None")
        result: torch.Tensor = self.inner(x)
        return result

    def state_dict(self, *arguments: Any, **options: Any) -> Any:
        return self.inner.state_dict(*arguments, **options)

    def load_state_dict(self, *arguments: Any, **options: Any) -> Any:
        return self.inner.load_state_dict(*arguments, **options)


def test_a_layer_without_a_counter_and_a_flag_is_as_many_rules_poorer() -> None:
    results = results_of(WithoutCounter, examples=20)

    assert those(results, "unsupported") == {
        "the_counter_counts_training_batches",
        "what_a_layer_shows_is_so",
        "statistics_stand_still_while_they_are_not_tracked",
    }
    assert those(results, "violated") == set()


def test_what_is_refused_for_some_cases_is_counted_beside_the_passes() -> None:
    result = results_of(WithoutCounter, examples=20)["output_is_the_normalized_batch"]

    assert result.status == "passed"
    assert set(result.refused) <= {"momentum=None", "momentum=None after other batches, which needs num_batches_tracked"}
    assert result.examples + sum(result.refused.values()) == 20 + len(list(large_recipes(SINGLE, examples=20)))
    assert sum(result.refused.values()) > 0


def test_a_verdict_that_rests_on_nothing_is_none() -> None:
    report = verify(malformed.EverythingIsUnsupported, dtypes=["float32"], examples=2)

    assert not report.conforms
    assert report.hollow
    assert report.violations == ()
    verified = {result.property for result in report.results if result.examples}
    # of layers as they are made; and the other only where a case draws what may be refused
    assert verified - {"eps_and_momentum_are_refused_or_used"} == {"a_fresh_layer_starts_neutral"}


def test_an_adapter_that_cannot_build_a_layer_is_unusable() -> None:
    from bn_reference import UnusableTarget

    class Broken(malformed.Adapter):
        def open(self, case: Any, **options: Any) -> Any:
            return {}["session"]

    with pytest.raises(UnusableTarget, match=r"fails to build a layer: KeyError: 'session' \(.*test_malformed\.py, line \d+\)"):
        load_target(Broken)
