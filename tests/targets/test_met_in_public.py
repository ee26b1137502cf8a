"""Kinds of layers that were met in public code are taken: right ones conform, wrong ones are found, and refusals help."""

from typing import Any

import classes_met_in_public as people
import modules_met_in_public as modules
import pytest
import torch
from verdicts import formed

from bn_reference import verify
from bn_reference.cases.domain import Domain
from bn_reference.cases.layouts import place
from bn_reference.oracle.compare import within
from bn_reference.oracle.step import expect_training
from bn_reference.targets.capabilities import capabilities_of
from bn_reference.targets.forms.probing import probe_case
from bn_reference.targets.protocol import Unsupported, UnusableTarget
from bn_reference.targets.recognition import load_target
from bn_reference.targets.watched import Watched
from bn_reference.verification.probing import probe

FORMS = {
    modules.Frozen: "torch.nn.Module, handed (N, C, H, W), inference alone",
    modules.Thawed: "torch.nn.Module, handed (N, C, H, W)",
    people.WithCache: "plain class, told by the argument mode whether it trains, which returns more beside its output",
    modules.WithDeterminant: "torch.nn.Module, which returns more beside its output",
    modules.InAList: "torch.nn.Module",
    people.Updating: "plain class, told by the argument training whether it trains",
    modules.Scripted: "torch.nn.Module",
    modules.PassedOn: "torch.nn.Module, handed (N, C, H, W)",
    modules.Still: "torch.nn.Module, handed (N, C, H, W)",
    modules.Checked: "torch.nn.Module, handed (N, C, H, W)",
    modules.OfRows: "torch.nn.Module",
    people.OnADevice: "plain class",
    people.Built: "plain class, told by the argument training whether it trains",
}


@pytest.mark.parametrize("target", FORMS, ids=lambda target: target.__name__)
def test_its_form_is_said(target: type) -> None:
    assert formed(target).form == FORMS[target]


RULES = {
    modules.Frozen: {"evaluation_uses_the_running_statistics", "evaluation_gradients"},
    people.WithCache: {"training_gradient_of_the_input", "a_sequence_of_batches_accumulates"},
    modules.WithDeterminant: {"output_is_the_normalized_batch", "an_evaluation_of_several_batches_at_once_is_that_of_each"},
    people.Updating: {"training_gradient_of_the_input", "a_sequence_of_batches_accumulates"},
    people.Propagating: {"evaluation_uses_the_running_statistics", "a_sequence_of_batches_accumulates"},
    people.OfParameters: {"training_gradient_of_the_weight", "a_sequence_of_batches_accumulates"},
    people.Built: {"one_step_moves_the_running_variance", "output_is_the_normalized_batch"},
    modules.Scripted: {"training_gradient_of_the_weight", "a_sequence_of_batches_accumulates"},
}


@pytest.mark.parametrize("target", RULES, ids=lambda target: target.__name__)
def test_a_right_one_conforms_to_what_it_can_be_asked(target: type) -> None:
    report = verify(target, dtypes=["float32"], properties=[*RULES[target]], examples=3, conventions="auto")

    assert {result.property for result in report.results if result.status == "passed"} == RULES[target]


@pytest.mark.parametrize("target", [modules.PassedOn, modules.Derived], ids=lambda target: target.__name__)
def test_options_that_are_handed_on_are_given(target: type) -> None:
    report = verify(target, dtypes=["float32"], properties=["output_is_the_normalized_batch"], examples=6)

    assert formed(target).domain == Domain(folds=True)
    assert [result.status for result in report.results] == ["passed"]


def test_options_that_come_on_top_of_those_handed_on_are_found() -> None:
    assert formed(modules.OwnEps).domain.eps == 1e-3


def test_gradients_that_numpy_promotes_are_rounded_and_it_is_said() -> None:
    said = "its backward pass gives float64, which is rounded to the dtype of x before it is judged"

    assert formed(people.Promoted).domain.pairs == ("float32/float32", "float64/float64")
    assert [said in formed(each).notes for each in (people.Promoted, people.WithCache)] == [True, False]


def test_a_scripted_module_is_not_copied() -> None:
    layers = formed(modules.Scripted)
    case = layers.domain.within(probe_case())

    with pytest.raises(Unsupported, match="does not copy"):
        layers.open(case).undergo("copy", case)


def test_what_fits_by_chance_is_not_taken() -> None:
    assert formed(modules.OfRows).domain.dimensions == (2,)
    assert formed(modules.OfRowsAndImages).domain.dimensions == (2, 3)


WRONG = {
    modules.FrozenDeviation: "evaluation_uses_the_running_statistics",
    modules.Thawed: "output_is_the_normalized_batch",
    modules.PassedOnDoubled: "output_is_the_normalized_batch",
    people.BuiltOnDeviations: "one_step_moves_the_running_variance",
    modules.Still: "output_is_the_normalized_batch",
    modules.InAList: "output_is_the_normalized_batch",
}


@pytest.mark.parametrize("target", WRONG, ids=lambda target: target.__name__)
def test_a_wrong_one_is_found(target: type) -> None:
    report = verify(target, dtypes=["float32"], properties=[WRONG[target]], examples=3, conventions="auto")

    assert [result.status for result in report.results] == ["violated"]


def is_right(target: Any, quantity: str) -> bool:
    """Of a step of training, there and back, on one case."""
    layers = load_target(target)
    case = layers.domain.within(probe_case(ndim=min(layers.domain.dimensions)))
    step = layers.open(case).forward(place(case.x, "contiguous"), training=True)
    actual = step.y if quantity == "y" else getattr(step.backward(place(case.grad_y, "contiguous")), quantity[5:])
    return within(quantity, actual, getattr(expect_training(case), quantity)).holds


FAULTS = [
    ("grad_x", people.WithCache, people.WithCacheOneTerm),
    ("grad_weight", people.OfParameters, people.OfParametersScaled),
    ("grad_x", people.Promoted, people.PromotedOneTerm),
    ("grad_x", people.Propagating, people.PropagatingOneTerm),
    ("grad_x", people.Updating, people.UpdatingOneTerm),
    ("y", modules.WithDeterminant, modules.ShiftedWithDeterminant),
    ("y", modules.Scripted, modules.ScriptedUnbiased),
    ("grad_x", people.spread_forward, people.listed_forward),
    ("grad_weight", people.named_forward, people.nested_forward),
]


@pytest.mark.parametrize(("quantity", "right", "wrong"), FAULTS, ids=lambda each: getattr(each, "__name__", each))
def test_what_a_wrong_one_gives_is_looked_at(quantity: str, right: Any, wrong: Any) -> None:
    assert (is_right(right, quantity), is_right(wrong, quantity)) == (True, False)


REFUSED = {
    people.OnItsOwn: "with tensors of its own (classes_met_in_public.Own), where it is handed arrays of NumPy or torch",
    people.OnLists: "it computes with lists of numbers, where it is handed arrays of NumPy or torch",
    people.OfThreeSizes: "nearest to a plain class whose layers are called, or have a method forward, but it refuses",
    modules.Split: "'num_parts' as well, which a function of the number of channels, named instead, may give it",
    modules.SplitImages: "beside weight and bias it trains other.weight, other.bias",
    torch.batch_norm: "it is built in, and does not say what its arguments are; name a function that calls it",
}


@pytest.mark.parametrize("target", REFUSED, ids=lambda target: target.__name__)
def test_a_refusal_says_what_to_do(target: type) -> None:
    with pytest.raises(UnusableTarget) as caught:
        load_target(target)

    assert REFUSED[target] in str(caught.value)


def evaluation(x, mean, var, gain=None, bias=None, eps=1e-5):  # type: ignore[no-untyped-def]
    return (x - mean) * torch.rsqrt(var + eps) * gain + bias


@pytest.mark.parametrize("target", [evaluation, modules.Frozen])
def test_what_is_made_for_inference_alone_is_asked_there_what_it_takes(target: object) -> None:
    found = capabilities_of(Watched(load_target(target)))

    assert (found.training, found.positions, found.unrecorded) == (False, True, True)


def test_a_probe_says_that_no_code_of_the_authors_computed() -> None:
    assert any("no code of the author's" in note for note in probe("kernel_benchmark:Model").notes)
