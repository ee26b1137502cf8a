"""Functions: what is found out of how they are called, what right ones can be asked, and that wrong ones are seen."""

import importlib.util
from pathlib import Path
from typing import Any

import functions_of_people as people
import pytest

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.properties import PROPERTIES
from bn_reference.targets.forms import functions
from bn_reference.targets.forms.functions import FunctionImplementation
from bn_reference.targets.forms.near import Near
from bn_reference.targets.forms.torch_alone import NOTHING_OF_ITS_OWN
from bn_reference.targets.protocol import UnusableTarget
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

SINGLE = PAIRS[0]


def recognized(thing: Any) -> FunctionImplementation:
    found = functions.recognize("it", thing)
    assert isinstance(found, FunctionImplementation), found
    return found


def judge_of(thing: Any, examples: int) -> Judge:
    """The judge of its own conventions."""
    judge = Judge(recognized(thing), Budget(examples))
    judge.settle()
    return judge


def verdicts(thing: Any, examples: int = 8) -> dict[str, set[str]]:
    """Names of the rules, by verdict."""
    results = judge_of(thing, examples).check_together(PROPERTIES, SINGLE)
    return {status: {r.property for r in results if r.status == status} for status in ("passed", "violated", "unsupported")}


def broken(thing: Any, examples: int = 8) -> set[str]:
    """Names of the rules that are seen broken."""
    said = judge_of(thing, examples).broken(PROPERTIES, SINGLE)
    return {name for name, how in said.items() if how}


GRADIENTS = {"training_gradient_of_the_input", "training_gradient_of_the_weight", "training_gradient_of_the_bias"}
TRAINING, EVALUATION = {"output_is_the_normalized_batch"}, {"evaluation_uses_the_running_statistics"}
RUNNING = {"one_step_moves_the_running_mean", "one_step_moves_the_running_variance", "a_sequence_of_batches_accumulates"}
KEPT_BY_CALLER = {
    "the_counter_counts_training_batches",
    "buffers_are_updated_in_place",
    "nothing_is_stale_after_loading_a_state",
}


@pytest.mark.parametrize(
    ("thing", "keeps", "cannot"),
    [
        (people.course_forward, TRAINING | EVALUATION | RUNNING | GRADIENTS, KEPT_BY_CALLER | {"evaluation_gradients"}),
        (people.OnTensors, TRAINING | EVALUATION | RUNNING | GRADIENTS, KEPT_BY_CALLER | {"evaluation_gradients"}),
        (people.in_place, TRAINING | EVALUATION | RUNNING | GRADIENTS | {"evaluation_gradients"}, KEPT_BY_CALLER),
        (people.by_recording, TRAINING | EVALUATION | RUNNING | GRADIENTS, KEPT_BY_CALLER | {"evaluation_gradients"}),
        (people.channels_last, TRAINING | EVALUATION | RUNNING, KEPT_BY_CALLER | GRADIENTS),
        (people.channels_first, TRAINING | EVALUATION | RUNNING, KEPT_BY_CALLER | GRADIENTS),
        (people.fixed, TRAINING | EVALUATION | RUNNING, KEPT_BY_CALLER | GRADIENTS),
        (people.training_alone, TRAINING, EVALUATION | RUNNING | GRADIENTS),
        (people.in_eights, TRAINING, EVALUATION | RUNNING | GRADIENTS),
        (people.Recorded, TRAINING | GRADIENTS, EVALUATION | RUNNING),
        (people.RecordedAnew, TRAINING | GRADIENTS, EVALUATION | RUNNING),
        (people.Recorded.apply, TRAINING | GRADIENTS, EVALUATION | RUNNING),
        (people.operator, TRAINING, EVALUATION | RUNNING | GRADIENTS),
        (people.inference_alone, EVALUATION, TRAINING | RUNNING | GRADIENTS),
        (people.wrapper, TRAINING | EVALUATION | RUNNING | GRADIENTS, KEPT_BY_CALLER),
    ],
)
def test_a_right_function_keeps_what_it_can_be_asked(thing: Any, keeps: set[str], cannot: set[str]) -> None:
    found = verdicts(thing)

    assert not found["violated"]
    assert keeps <= found["passed"]
    assert cannot <= found["unsupported"]


@pytest.mark.parametrize(
    ("thing", "breaks"),
    [
        (people.hasty_forward, "training_gradient_of_the_input"),
        (people.attached, "statistics_are_detached_and_keep_their_dtype"),
        (people.lost, "one_step_moves_the_running_mean"),
        (people.over_everything, "output_is_the_normalized_batch"),
        (people.deviation, "evaluation_uses_the_running_statistics"),
    ],
)
def test_a_wrong_function_is_seen(thing: Any, breaks: str) -> None:
    assert breaks in broken(thing)


def test_the_gradient_of_a_wrong_backward_pass_is_all_that_is_wrong() -> None:
    wrong = broken(people.hasty_forward)

    assert not wrong & (TRAINING | EVALUATION | RUNNING)


@pytest.mark.parametrize(
    ("thing", "weights"),
    [(people.course_forward, "old"), (people.in_place, "new"), (people.by_recording, "old"), (people.channels_last, "old")],
)
def test_which_value_momentum_weights_is_measured(thing: Any, weights: str) -> None:
    assert recognized(thing).momentum_weights == weights


def test_a_momentum_that_is_no_argument_is_measured() -> None:
    assert recognized(people.fixed).domain.momentum == (0.2,)


def test_what_weights_the_old_value_is_handed_exact_complements() -> None:
    momentum = recognized(people.course_forward).domain.momentum

    assert all(new is not None and 1.0 - (1.0 - new) == new for new in momentum)


@pytest.mark.parametrize(
    ("thing", "eps"), [(people.fixed, 1e-4), (people.inference_alone, 2e-3), (people.training_alone, None)]
)
def test_an_eps_that_is_no_argument_is_seen_in_what_it_computes(thing: Any, eps: float | None) -> None:
    assert recognized(thing).domain.eps == eps


@pytest.mark.parametrize(
    ("thing", "dimensions", "form"),
    [
        (people.course_forward, (2,), "function (x, gamma, beta, bn_param) of NumPy arrays, backward pass course_backward"),
        (
            people.by_recording,
            (2, 3),
            "function (X, gamma, beta, moving_mean, moving_var, eps, momentum) of tensors, handed (N, C, H, W), "
            "training where gradients are recorded",
        ),
        (
            people.channels_last,
            (2, 3),
            "function (x, scale, offset, mean, var, train, decay, eps) of NumPy arrays, handed (N, L, C)",
        ),
        (
            people.channels_first,
            (2,),
            "function (z, gamma, beta, running_mean, running_var, training, momentum, eps) of NumPy arrays, handed (C, N)",
        ),
        (people.training_alone, (2,), "function (x, gamma, beta, eps) of NumPy arrays, training alone"),
        (
            people.inference_alone,
            (2, 3),
            "function (x, mean, var, gamma, beta) of NumPy arrays, inference alone",
        ),
    ],
)
def test_its_form_is_said(thing: Any, dimensions: tuple[int, ...], form: str) -> None:
    found = recognized(thing)

    assert found.domain.dimensions == dimensions
    assert found.form == form


def test_channels_in_eights_are_found() -> None:
    assert recognized(people.in_eights).domain.channels == 8


def test_formulas_are_not_verified_in_half_precision_and_kernels_are() -> None:
    formula, kernel = recognized(people.in_place), recognized(people.wrapper)

    assert formula.domain.pairs == ("float32/float32", "float64/float64")
    assert "half precision is not verified: it rounds to it on its way" in formula.notes
    assert "bfloat16/bfloat16" in kernel.domain.pairs


def test_a_wrapper_of_torch_is_told_that_nothing_of_its_own_ran() -> None:
    assert recognized(people.wrapper).notes == (NOTHING_OF_ITS_OWN,)
    assert NOTHING_OF_ITS_OWN not in recognized(people.half_a_wrapper).notes
    assert NOTHING_OF_ITS_OWN not in recognized(people.in_place).notes


def test_torch_itself_is_told_nothing() -> None:
    import torch

    assert recognized(torch.nn.functional.batch_norm).notes == ()


def test_a_backward_pass_that_raises_is_said_to() -> None:
    found = recognized(people.broken_forward)

    assert "its backward pass broken_backward raises KeyError, so that no gradients are asked for" in found.notes
    assert "training_gradient_of_the_input" in verdicts(people.broken_forward)["unsupported"]


@pytest.mark.parametrize(
    ("thing", "missing"),
    [
        (people.for_another_machine, "called with NumPy arrays it raises RuntimeError: no accelerator is found"),
        (people.without_eps, "its eps is no argument, and is not seen in what it computes"),
        (people.with_more, "what its argument 'groups' may be is not known"),
        (people.weight_alone, "it has an argument for the weight, 'gamma', and none known for the bias"),
    ],
)
def test_what_is_missing_of_a_function_is_said(thing: Any, missing: str) -> None:
    near = functions.recognize("it", thing)

    assert isinstance(near, Near)
    assert near.missing == missing


def test_a_device_that_torch_does_not_know() -> None:
    with pytest.raises(UnusableTarget, match="the device is 'abacus', but it must be one that torch knows"):
        functions.recognize("it", people.in_place, "abacus")


def factory(num_features: int, weight: Any = None, bias: Any = None) -> Any:
    raise AssertionError("a factory of layers is not called")


@pytest.mark.parametrize("thing", [factory, len, 3, print, Path, importlib.util.find_spec])
def test_what_is_no_function_of_batch_normalization_is_left_to_other_forms(thing: Any) -> None:
    assert functions.recognize("it", thing) is None


def test_a_backward_pass_is_told_to_be_one() -> None:
    with pytest.raises(UnusableTarget, match=r"is a backward pass, .*; name course_forward instead"):
        recognized(people.course_backward)
