"""What the lecture explains, as claims: each holds for every seed of the study, docs/mnist/study.json, and today's code still
gives what is inside its range."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.layers import layer_named
from bn_reference.mnist.learning import tensors
from bn_reference.mnist.models import batch_norm_layers
from bn_reference.mnist.phenomena.companions import BATCH_SIZES, Companions, movement
from bn_reference.mnist.phenomena.gradients import gradient_profiles, predicted_growth
from bn_reference.mnist.phenomena.networks import ACTIVATIONS
from bn_reference.mnist.phenomena.study import (
    QUANTITIES,
    accuracy_at_depth,
    gradient_growth,
    input_movement,
    median_wandering,
)
from bn_reference.mnist.regression import advantage
from bn_reference.power.mutants.catalogue import MUTANTS
from bn_reference.support.threads import on_threads

Studied = dict[str, list[float]]
BATCH_NORM = torch.nn.BatchNorm1d
SIZES = np.array(BATCH_SIZES)
MUTANT = {mutant.name: mutant.factory for mutant in MUTANTS}


@pytest.fixture(scope="module")
def studied(study: dict[str, Any]) -> Studied:
    found: Studied = study["phenomena"]
    return found


def inside(value: float, seen: list[float]) -> bool:
    return min(seen) <= value <= max(seen)


def test_thirty_seeds_were_studied(studied: Studied) -> None:
    assert {name: len(values) for name, values in studied.items()} == dict.fromkeys(QUANTITIES, 30)


@pytest.mark.parametrize("name", QUANTITIES)
def test_a_measurement_is_inside_the_range_of_the_study(dataset: Dataset, studied: Studied, name: str) -> None:
    """Of the seed in the middle: one at an end, measured on another machine, is outside as soon as its last bit differs."""
    values = studied[name]
    middle = values.index(sorted(values)[len(values) // 2])
    with on_threads(1):
        measured = QUANTITIES[name](dataset, middle)

    assert inside(measured, values)


# Gradients.


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_vanish_without_batch_norm_and_not_with_it(studied: Studied, activation: str) -> None:
    without, with_bn = studied[f"growth, {activation}, without"], studied[f"growth, {activation}, batch norm"]

    assert max(without) < min(1, *with_bn)
    assert inside(predicted_growth(activation), with_bn)


@pytest.mark.parametrize("activation", ["tanh", "ReLU"])
def test_with_batch_norm_gradients_grow(studied: Studied, activation: str) -> None:
    assert min(studied[f"growth, {activation}, batch norm"]) > 1


def test_relu_grows_most_and_sigmoid_least_as_the_theory_has_it(studied: Studied) -> None:
    by_theory = sorted(ACTIVATIONS, key=predicted_growth)

    assert by_theory == ["sigmoid", "tanh", "ReLU"]
    for less, more in pairwise(by_theory):
        assert max(studied[f"growth, {less}, batch norm"]) < min(studied[f"growth, {more}, batch norm"])


def test_the_theory_of_relu_is_that_of_yang_and_others() -> None:
    assert f"{predicted_growth('ReLU'):.6f}" == f"{torch.pi / (torch.pi - 1):.6f}"


def test_the_theory_lets_no_gradient_shrink() -> None:
    assert min(predicted_growth(activation) for activation in ACTIVATIONS) > 1


# Depth.


def test_ten_layers_of_sigmoids_learn_with_batch_norm_alone(studied: Studied) -> None:
    assert max(studied["accuracy at depth 10, sigmoid, without"]) < min(studied["accuracy at depth 10, sigmoid, batch norm"])


def test_fifty_layers_of_relu_do_not_learn_with_batch_norm_either(studied: Studied) -> None:
    assert max(studied["accuracy at depth 50, ReLU, batch norm"]) < min(studied["accuracy at depth 10, sigmoid, batch norm"])


# Internal covariate shift.


@pytest.mark.parametrize("quantity", ["input movement", "median wandering"])
def test_inner_inputs_move_less_with_batch_norm(studied: Studied, quantity: str) -> None:
    pairs = zip(studied[f"{quantity}, batch norm"], studied[f"{quantity}, without"], strict=True)

    assert all(with_bn < without for with_bn, without in pairs)


def test_by_gradients_the_shift_differs_less_than_by_inputs(studied: Studied) -> None:
    def least_and_most(quantity: str) -> tuple[float, float]:
        pairs = zip(studied[f"{quantity}, batch norm"], studied[f"{quantity}, without"], strict=True)
        ratios = [without / with_bn for with_bn, without in pairs]
        return min(ratios), max(ratios)

    assert least_and_most("gradient movement")[1] < least_and_most("input movement")[0]


# Training and eval.


def test_an_output_moves_with_its_companions_as_the_root_of_their_number(studied: Studied) -> None:
    assert inside(-0.5, studied["companions slope, batch norm"])


def test_in_eval_an_output_does_not_move_by_a_bit(dataset: Dataset) -> None:
    with on_threads(1):
        seen = movement(advantage(dataset, BATCH_NORM, 0).model, dataset, 0, draws=4)

    assert seen.evaluation.tolist() == [0.0] * len(seen.sizes)
    assert (seen.training > 0).all()


def test_in_eval_the_layer_gives_an_image_the_same_bits_in_a_batch_of_any_size(dataset: Dataset) -> None:
    model, images = advantage(dataset, BATCH_NORM, 0).model.eval(), tensors(dataset.test)[0][:257]
    first = batch_norm_layers(model)[0]
    layer, inputs = model[first], model[:first](images).detach()

    assert all(torch.equal(layer(inputs[:size]), layer(inputs)[:size]) for size in (1, 2, 31, 256))


# The checks can fail: what is measured of another network is outside the range.


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("growth, ReLU, batch norm", gradient_growth("ReLU", None)),
        ("growth, tanh, batch norm", gradient_growth("tanh", MUTANT["running_statistics_in_training"])),
        ("growth, sigmoid, without", gradient_growth("sigmoid", BATCH_NORM)),
        ("accuracy at depth 10, sigmoid, batch norm", accuracy_at_depth(10, "sigmoid", None)),
        ("accuracy at depth 10, sigmoid, batch norm", accuracy_at_depth(10, "sigmoid", MUTANT["statistics_never_move"])),
        ("input movement, batch norm", input_movement(None)),
        ("median wandering, batch norm", median_wandering(None)),
        ("companions slope, batch norm", lambda dataset, seed: Companions(SIZES, 1 / SIZES, 0 * SIZES).slope),
    ],
)
def test_another_network_is_outside(
    dataset: Dataset, studied: Studied, name: str, other: Callable[[Dataset, int], float]
) -> None:
    with on_threads(1):
        assert not inside(other(dataset, 0), studied[name])


def test_batch_statistics_in_eval_move(dataset: Dataset) -> None:
    with on_threads(1):
        seen = movement(advantage(dataset, MUTANT["batch_statistics_in_eval"], 0).model, dataset, 0, draws=4)

    assert (seen.evaluation > 0).all()


def test_the_reference_grows_gradients_as_torch_does(dataset: Dataset, studied: Studied) -> None:
    (profile,) = gradient_profiles(dataset, 20, "ReLU", layer_named("reference"), 0)

    assert inside(profile.growth, studied["growth, ReLU, batch norm"])
