"""Plain classes on tensors and arrays: right ones conform, wrong ones are found, and what they lack hits what reads it."""

import classes_of_people as people
import numpy as np
import pytest
from verdicts import explanations_of, formed, unasked_of

from bn_reference.cases.domain import Domain
from bn_reference.targets.forms.probing import probe_case
from bn_reference.targets.protocol import UnusableTarget
from bn_reference.targets.recognition import load_target

FLOATS = ("float32/float32", "float64/float64")
LAWFUL = (1.0 - 0.9, 0.5, 0.125, 0.875, 1.0, 0.0, 0.25)
OWN = {"tracks": (True,), "pairs": FLOATS, "cumulative": False}


DOMAINS = {
    people.Called: Domain(affine=(True,), **OWN),
    people.Course: Domain(eps=1e-8, momentum=LAWFUL, affine=(True,), dimensions=(2,), **OWN),
    people.GivenArrays: Domain(eps=1e-6, momentum=LAWFUL, affine=(True,), dimensions=(2,), **OWN),
    people.Lazy: Domain(affine=(True,), dimensions=(2,), **OWN),
    people.Switched: Domain(eps=1e-3, momentum=(0.25,), affine=(False,), dimensions=(2,), **OWN),
    people.TrainsAlways: Domain(affine=(True,), dimensions=(2,), **OWN),
    people.LastAxisLazy: Domain(momentum=LAWFUL, affine=(True,), **OWN),
    people.ByHand: Domain(affine=(True,), **OWN),
    people.ChannelsFirst: Domain(momentum=LAWFUL, affine=(True,), dimensions=(2,), **OWN),
    people.TwoAxesLazy: Domain(momentum=LAWFUL, affine=(True,), dimensions=(2,), **OWN),
}


@pytest.mark.parametrize("target", DOMAINS, ids=lambda target: target.__name__)
def test_what_it_takes_is_found(target: type) -> None:
    assert formed(target).domain == DOMAINS[target]


FORMS = {
    people.Called: "plain class, handed (N, L, C), told by its attribute training whether it trains",
    people.Course: "plain class, told by the argument eval whether it trains",
    people.GivenArrays: "plain class, told by the argument train_flg whether it trains",
    people.Lazy: "plain class, told by its attribute mode whether it trains",
    people.Switched: "plain class",
    people.TrainsAlways: "plain class",
    people.LastAxisLazy: "plain class, handed (N, L, C), told by the argument training whether it trains",
    people.ByHand: "plain class, handed (N, C, L), told by its attribute is_training whether it trains",
    people.ChannelsFirst: "plain class, handed (C, N), told by the argument training whether it trains",
    people.TwoAxesLazy: "plain class, told by the argument training whether it trains",
}


@pytest.mark.parametrize("target", FORMS, ids=lambda target: target.__name__)
def test_how_it_is_called_is_said(target: type) -> None:
    assert formed(target).form == FORMS[target]


def test_what_runs_on_more_axes_but_not_channel_by_channel_is_said_to_be_held_to_two() -> None:
    said = "it runs on (N, C, L) as well, but not channel by channel: it is held to (N, C) alone"
    assert said in formed(people.TwoAxesLazy).notes
    assert not any("channel by channel" in note for note in formed(people.LastAxisLazy).notes + formed(people.Course).notes)


EVERYWHERE = {
    "the_counter_counts_training_batches",
    "without_tracking_there_are_no_buffers",
    "nothing_is_stale_after_loading_a_state",
    "statistics_stand_still_while_they_are_not_tracked",
    "what_was_loaded_is_copied",
    "a_layer_holds_on_to_few_things",
    "a_saved_state_restores_the_layer",
    "other_dtypes_are_refused_or_right",
    "what_a_layer_shows_is_so",
    "what_is_no_batch_is_refused",
    "without_affine_there_are_no_parameters",
    "an_evaluation_of_several_batches_at_once_is_that_of_each",
    "a_step_without_numbers_gives_the_form_of_a_real_one",
    "forward_mode_derivatives_of_a_training_step",
    "forward_mode_derivatives_of_an_evaluation",
}
REPLACED = {"buffers_are_updated_in_place"}
PLANE = {"positions_are_rows", "bessel_counts_every_position"}
OWN_WAY_BACK = {
    "statistics_move_without_gradients",
    "frozen_parameters_change_no_other_gradient",
    "inputs_without_gradient_change_no_other_gradient",
    "a_backward_pass_belongs_to_its_own_forward_pass",
    "evaluation_gradients",
    "an_evaluation_gradient_survives_later_training",
    "arrays_written_over_give_no_wrong_gradient",
    "gradients_of_two_steps_add_up_exactly",
    "one_backward_pass_through_two_steps_gives_both_gradients",
    "an_in_place_relu_is_gone_back_through",
    "second_derivatives_of_a_training_step",
    "second_derivatives_of_an_evaluation",
    "what_asks_for_a_gradient_gets_it_and_nothing_else_does",
}
NO_WAY_BACK = OWN_WAY_BACK | {
    "what_flows_back_is_not_mended",
    "training_gradient_of_the_input",
    "training_gradient_of_the_weight",
    "training_gradient_of_the_bias",
    "input_gradient_sums_to_zero",
    "input_gradient_against_x_hat_is_what_eps_leaves",
    "gradients_are_linear_in_the_upstream_gradient",
    "strided_upstream_gradients_agree",
    "a_second_backward_pass_gives_the_same_bits",
    "the_upstream_gradient_is_never_modified",
}
FIXED_EPS = {"scaling_by_powers_of_two_changes_no_bit", "eps_and_momentum_are_refused_or_used"}
ON_ARRAYS = {"threads_change_rounding_alone"}  # of NumPy, whose number of threads nobody sets
NO_EVAL = {
    "evaluation_uses_the_running_statistics",
    "evaluation_moves_nothing",
    "a_row_does_not_depend_on_its_companions",
    "repeated_evaluation_gives_the_same_bits",
    "nothing_is_stale_after_more_training",
    "one_row_and_none_can_be_evaluated",
    "output_has_the_form_of_the_input",
    "what_happens_to_a_layer_leaves_its_numbers",
}
UNASKED = {
    people.Called: EVERYWHERE | REPLACED,
    people.Course: EVERYWHERE | ON_ARRAYS | REPLACED | PLANE | OWN_WAY_BACK | FIXED_EPS,
    people.GivenArrays: EVERYWHERE | ON_ARRAYS | REPLACED | PLANE | OWN_WAY_BACK | FIXED_EPS | {"a_fresh_layer_starts_neutral"},
    people.Lazy: EVERYWHERE | ON_ARRAYS | REPLACED | PLANE | OWN_WAY_BACK | {"a_fresh_layer_starts_neutral"},
    people.Switched: EVERYWHERE | ON_ARRAYS | PLANE | NO_WAY_BACK | FIXED_EPS | {"momentum_one_shows_the_batch_statistics"},
    people.TrainsAlways: EVERYWHERE | ON_ARRAYS | REPLACED | PLANE | NO_WAY_BACK | NO_EVAL,
    people.LastAxisLazy: EVERYWHERE | ON_ARRAYS | REPLACED | NO_WAY_BACK | {"a_fresh_layer_starts_neutral"},
    people.ByHand: EVERYWHERE | REPLACED | OWN_WAY_BACK - {"evaluation_gradients"},
    people.ChannelsFirst: EVERYWHERE | ON_ARRAYS | REPLACED | PLANE | OWN_WAY_BACK,
    people.TwoAxesLazy: EVERYWHERE | ON_ARRAYS | REPLACED | PLANE | NO_WAY_BACK | {"a_fresh_layer_starts_neutral"},
}


@pytest.mark.parametrize("target", UNASKED, ids=lambda target: target.__name__)
def test_a_right_one_conforms_and_what_cannot_be_asked_hits_the_rules_that_read_it(target: type) -> None:
    assert unasked_of(target) == UNASKED[target]


WRONG = {
    people.Unbiased: (
        "output_is_the_normalized_batch",
        "the batch is normalized with the unbiased variance",
    ),
    people.ChannelsFirstUnbiased: (
        "output_is_the_normalized_batch",
        "the batch is normalized with the unbiased variance",
    ),
    people.CourseOneTerm: ("training_gradient_of_the_input", "the gradient of x misses the term of the mean"),
    people.AroundAModuleUnweighted: ("output_is_the_normalized_batch", "weight is not used"),
}


@pytest.mark.parametrize("target", WRONG, ids=lambda target: target.__name__)
def test_a_wrong_one_is_found_and_explained(target: type) -> None:
    rule, sentence = WRONG[target]

    assert explanations_of(target, rule) == [sentence]


@pytest.mark.parametrize("target", [people.Course, people.GivenArrays, people.Lazy], ids=lambda target: target.__name__)
def test_gradients_are_found_where_they_are_left_or_come_back(target: type) -> None:
    layers = formed(target)
    case = layers.domain.nearest(probe_case())
    from bn_reference.cases.layouts import place

    grads = layers.open(case).forward(place(case.x, "contiguous"), training=True).backward(place(case.grad_y, "contiguous"))

    assert isinstance(grads.weight, np.ndarray)
    assert isinstance(grads.bias, np.ndarray)
    assert np.allclose(grads.bias, case.grad_y.sum(axis=0))


def test_a_class_whose_layers_cannot_be_called_is_no_target() -> None:
    with pytest.raises(UnusableTarget) as caught:
        load_target(people.Silent)

    said = (
        "a plain class whose layers are called, or have a method forward, but it builds a Silent, which can neither be called"
    )
    assert f"is nearest to {said} nor has a method forward" in str(caught.value)


def test_what_a_module_inside_keeps_is_found_and_where_nothing_is_that_is_said() -> None:
    around, bare = formed(people.AroundAModule), formed(people.Switched)
    assert (around.plan.slots["weight"].name, around.domain.affine, around.notes) == ("core.weight", (True,), ())
    assert (bare.domain.affine, "no weight and bias were found in it" in " ".join(bare.notes)) == ((False,), True)


def test_arrays_live_on_the_cpu() -> None:
    with pytest.raises(UnusableTarget, match="builds NumPy layers, which live on the CPU; use the device cpu"):
        load_target(people.Switched, "meta")
