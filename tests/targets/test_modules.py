"""Torch modules with parts of torch's constructor, names and shapes of their own: right ones conform, wrong ones are found."""

from typing import Any

import modules_of_people as people
import numpy as np
import pytest
import torch
from verdicts import explanations_of, formed, unasked_of

from bn_reference import verify
from bn_reference.cases.circumstances import FOLDS
from bn_reference.cases.domain import Domain
from bn_reference.cases.layouts import place
from bn_reference.oracle.compare import within
from bn_reference.oracle.step import expect_training
from bn_reference.properties import PROPERTIES
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.protocol import UnusableTarget
from bn_reference.targets.recognition import load_target

FLOATS = ("float32/float32", "float64/float64")
OWN = {"affine": (True,), "tracks": (True,)}  # of what has parameters and statistics and no option for them


DOMAINS = {
    people.Renamed: Domain(cumulative=False, dimensions=(2,), pairs=FLOATS, **OWN),
    people.Textbook: Domain(folds=True, eps=1e-3, momentum=(0.25,), cumulative=False, pairs=FLOATS, **OWN),
    people.Inside: Domain(folds=True, eps=1e-3, momentum=(0.01,), cumulative=False, **OWN),
    people.LastAxis: Domain(**OWN),
    people.WeightsTheOld: Domain(
        eps=1e-5,
        momentum=(1.0 - 0.9, 0.5, 0.125, 0.875, 1.0, 0.0, 0.25),
        cumulative=False,
        pairs=("float32/float32",),
        **OWN,
    ),
    people.Eights: Domain(momentum=(0.1,), cumulative=False, channels=8, layouts=False, **OWN),
    people.BatchAlone: Domain(affine=(False,), tracks=(False,), pairs=FLOATS),
    people.NoGradientsInEval: Domain(cumulative=False, dimensions=(2,), pairs=FLOATS, **OWN),
    people.Named2d: Domain(folds=True),
    torch.nn.BatchNorm2d: Domain(folds=True),
    torch.nn.BatchNorm3d: Domain(folds=True),
    torch.nn.LazyBatchNorm1d: Domain(),
    torch.nn.LazyBatchNorm2d: Domain(folds=True),
}


@pytest.mark.parametrize("target", DOMAINS, ids=lambda target: target.__name__)
def test_what_it_takes_is_found(target: type) -> None:
    assert formed(target).domain == DOMAINS[target]


FORMS = {
    people.Renamed: "torch.nn.Module",
    people.Textbook: "torch.nn.Module, handed (N, C, H, W), told by whether gradients are recorded whether it trains",
    people.Inside: "torch.nn.Module, handed (N, C, H, W)",
    people.LastAxis: "torch.nn.Module, handed (N, L, C)",
    torch.nn.BatchNorm3d: "torch.nn.Module, handed (N, C, D, H, W)",
}


@pytest.mark.parametrize("target", FORMS, ids=lambda target: target.__name__)
def test_how_it_is_called_is_said(target: type) -> None:
    assert formed(target).form == FORMS[target]


@pytest.mark.parametrize("target", [torch.nn.BatchNorm1d, torch.nn.SyncBatchNorm])
def test_torchs_own_layer_is_called_as_ever(target: type) -> None:
    assert isinstance(load_target(target), TorchImplementation)


NO_COUNTER = {"the_counter_counts_training_batches"}
NO_OPTION = {"without_tracking_there_are_no_buffers"}
FIXED = {
    "momentum_one_shows_the_batch_statistics",
    "bessel_counts_every_position",
    "scaling_by_powers_of_two_changes_no_bit",
}
POSITIONS = {"positions_are_rows", "bessel_counts_every_position"}
OF_STATISTICS = {
    rule.name
    for rule in PROPERTIES
    if rule.family in ("running", "evaluation") or rule.name in ("bad_input_is_refused", "a_fresh_layer_starts_neutral")
} - {
    "without_tracking_there_are_no_buffers",
    "evaluation_uses_the_running_statistics",
    "repeated_evaluation_gives_the_same_bits",
}
OF_WHOLE_MODULES = {  # which promise all of torch's contract
    "a_layer_holds_on_to_few_things",
    "a_saved_state_restores_the_layer",
    "other_dtypes_are_refused_or_right",
    "statistics_stand_still_while_they_are_not_tracked",
    "what_a_layer_shows_is_so",
    "what_is_no_batch_is_refused",
    "without_affine_there_are_no_parameters",
}
FIXED_HYPERPARAMETERS = {"eps_and_momentum_are_refused_or_used"}
UNASKED: dict[Any, set[str]] = {  # the rules that cannot be asked, of each right layer
    people.Renamed: NO_COUNTER | NO_OPTION | POSITIONS,
    people.Textbook: NO_COUNTER
    | NO_OPTION
    | FIXED
    | FIXED_HYPERPARAMETERS
    | {
        "statistics_move_without_gradients",
        "buffers_are_updated_in_place",
        "nothing_is_stale_after_loading_a_state",
        "what_was_loaded_is_copied",
        "evaluation_gradients",
        "second_derivatives_of_an_evaluation",
        "an_evaluation_gradient_survives_later_training",
    },
    people.Inside: NO_OPTION | FIXED | FIXED_HYPERPARAMETERS,
    people.LastAxis: NO_OPTION,
    people.WeightsTheOld: NO_OPTION | FIXED_HYPERPARAMETERS | {"scaling_by_powers_of_two_changes_no_bit"},
    people.Eights: NO_OPTION
    | FIXED - {"scaling_by_powers_of_two_changes_no_bit"}
    | {"every_layout_agrees_with_the_contiguous_one"},
    people.BatchAlone: OF_STATISTICS
    | FIXED_HYPERPARAMETERS
    | {"a_copy_shares_nothing", "what_was_loaded_is_copied", "what_happens_to_a_layer_leaves_its_numbers"}
    | {
        "momentum_one_shows_the_batch_statistics",
        "training_gradient_of_the_weight",
        "training_gradient_of_the_bias",
        "inputs_without_gradient_change_no_other_gradient",
        "what_asks_for_a_gradient_gets_it_and_nothing_else_does",
        "gradients_of_two_steps_add_up_exactly",
        "an_evaluation_gradient_survives_later_training",
    },
    people.NoGradientsInEval: NO_COUNTER
    | NO_OPTION
    | POSITIONS
    | {"evaluation_gradients", "second_derivatives_of_an_evaluation", "an_evaluation_gradient_survives_later_training"},
    people.Named2d: set(),
    torch.nn.BatchNorm3d: set(),
    torch.nn.LazyBatchNorm1d: {"a_fresh_layer_starts_neutral"},
}


@pytest.mark.parametrize("target", UNASKED, ids=lambda target: target.__name__)
def test_a_right_one_conforms_and_what_cannot_be_asked_hits_the_rules_that_read_it(target: type) -> None:
    assert unasked_of(target) == UNASKED[target] | OF_WHOLE_MODULES


WRONG = {
    people.WithoutEps: ("output_is_the_normalized_batch", "eps is left out (seen only in training)"),
    people.Doubled: ("output_is_the_normalized_batch", "the output is 2 times what it should be"),
}


@pytest.mark.parametrize("target", WRONG, ids=lambda target: target.__name__)
def test_a_wrong_one_is_found_and_explained(target: type) -> None:
    rule, sentence = WRONG[target]

    assert explanations_of(target, rule) == [sentence]


def test_another_convention_is_told_as_one_and_the_rest_is_verified() -> None:
    report = verify(people.Biased, dtypes=["float32/float32"], examples=6)

    assert "conforms but for" in repr(report)
    assert "running_variance=biased" in repr(report)
    unasked = {result.property for result in report.results if result.status == "unsupported"}
    assert unasked == UNASKED[people.Renamed] | OF_WHOLE_MODULES


def test_a_smallest_case_has_as_many_channels_as_the_layer_takes() -> None:
    report = verify(
        people.EightsShifted, dtypes=["float32/float32"], properties=["output_is_the_normalized_batch"], examples=30
    )

    case = report.causes[0].violation.case
    assert case is not None
    assert case.channels == 8


def test_the_value_that_its_momentum_weights_is_found() -> None:
    assert formed(people.WeightsTheOld).momentum_weights == "old"
    assert formed(people.Renamed).momentum_weights == "new"


def test_a_layer_without_a_dtype_is_not_asked_for_half_precision_that_it_rounds_to() -> None:
    assert formed(people.Renamed).notes == (
        "half precision is not verified: it takes no dtype, and rounds to it on its way or gives out another one",
    )
    assert not any("half precision" in note for note in formed(people.Inside).notes)


UNUSABLE = {
    people.Block: "beside weight and bias it trains conv.weight, bn.bias",
    people.Conditional: "its constructor needs 'num_classes' as well, "
    "which a function of the number of channels, named instead, may give it",
    people.LogScale: "its weight is found under no known name; it trains log_gamma",
}


@pytest.mark.parametrize("target", UNUSABLE, ids=lambda target: target.__name__)
def test_what_is_missing_of_the_nearest_form_is_said(target: type) -> None:
    with pytest.raises(UnusableTarget) as caught:
        load_target(target)

    said = str(caught.value)
    assert f"is nearest to a torch.nn.Module whose first argument is the number of channels, but {UNUSABLE[target]}; " in said
    assert said.endswith(f"`bn-reference probe modules_of_people:{target.__name__} --write FILE.py` write a wrapper for it")


def test_statistics_are_written_in_the_shape_that_they_have() -> None:
    layers = formed(people.Textbook)
    case = layers.domain.nearest(probe())

    state = layers.open(case).state()

    assert np.array_equal(state.mean, case.running_mean)
    assert np.array_equal(state.var, case.running_var)


def probe() -> Any:
    from bn_reference.targets.forms.probing import probe_case

    return probe_case()


def test_torch_misreads_the_upstream_gradient_of_one_image_until_it_is_mended() -> None:
    x, upstream = torch.tensor([[1.0, 2.0], [4.0, 8.0]]), torch.tensor([[2.0, -3.0], [2.5, -2.0]])
    other_order = upstream.T.contiguous().T

    sums = []
    for dy in (upstream, other_order):
        layer = torch.nn.BatchNorm2d(2)
        layer(x[None, :, :, None]).backward(dy[None, :, :, None])
        sums.append(layer.bias.grad.tolist())

    assert sums[0] == [-1.0, 0.5]
    assert sums[1] != sums[0], "mended: one image may lie as any batch does (Arrangement.laid)"


def test_of_one_image_batch_and_upstream_gradient_lie_contiguously() -> None:
    layers = formed(torch.nn.BatchNorm2d)
    case = probe().but(x=np.array([[[1, 2], [4, 8]]], np.float32), grad_y=np.array([[[2, -3], [2.5, -2]]], np.float32))
    case = case.but(**{name: getattr(case, name)[:2] for name in ("weight", "bias", "running_mean", "running_var")})

    step = layers.open(case).forward(place(case.x, "contiguous"), training=True)
    grads = step.backward(place(case.grad_y, "transposed"))

    assert np.array_equal(grads.bias, [-1.0, 0.5])


def test_positions_folded_into_one_column_or_row_give_the_numbers_of_the_batch() -> None:
    layers = formed(torch.nn.BatchNorm2d)
    case = probe_of_positions()
    steps = [layers.open(case).undergo(fold, case).forward(place(case.x, "channels last"), training=True) for fold in FOLDS]

    assert [tuple(step.tensor.shape) for step in steps] == [case.x.shape] * 2
    assert all(within("y", step.y, expect_training(case).y).holds for step in steps)


def probe_of_positions() -> Any:
    from bn_reference.targets.forms.probing import probe_case

    return probe_case(ndim=3)
