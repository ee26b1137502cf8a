"""Training end to end: what batch norm gains, that eval does not know its batch, and that honest layers train alike.

Each limit is the smallest or the largest of many seeds in docs/mnist/study.json: a new draw is beyond it with probability
1 / (seeds + 1).
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.layers import layer_named
from bn_reference.mnist.learning import tensors
from bn_reference.mnist.models import LayerFactory
from bn_reference.mnist.regression import Advantage, advantage, rows_that_depend_on_the_batch_size
from bn_reference.mnist.trajectory import compare
from bn_reference.power.mutants.catalogue import MUTANTS

pytestmark = pytest.mark.xdist_group("mnist regression")  # the trained models are shared

SEEDS = (0, 1, 2)
SIZES = (2000, 1, 7, 32, 257)
MUTANT = {mutant.name: mutant.factory for mutant in MUTANTS}
NEVER_MOVED = MUTANT["statistics_never_move"]
BATCH_STATISTICS_IN_EVAL = MUTANT["batch_statistics_in_eval"]

Trained = Callable[[LayerFactory, int], Advantage]


@pytest.fixture(scope="module")
def trained(dataset: Dataset) -> Trained:
    return cache(lambda layer, seed: advantage(dataset, layer, seed))


def is_ahead(gain: Advantage, study: dict[str, Any]) -> bool:
    floors = study["advantage"]
    return gain.loss >= min(floors["loss"]) and gain.accuracy >= min(floors["accuracy"])


@pytest.fixture(scope="module")
def limit(study: dict[str, Any]) -> float:
    return max(max(ratios) for ratios in study["trajectory"].values())


def test_the_floors_ask_for_an_advantage(study: dict[str, Any]) -> None:
    floors = study["advantage"]

    assert len(floors["loss"]) >= 20
    assert min(floors["loss"]) > 0
    assert min(floors["accuracy"]) > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_batch_norm_lowers_the_test_loss_and_raises_the_accuracy(trained: Trained, study: dict[str, Any], seed: int) -> None:
    gain = trained(torch.nn.BatchNorm1d, seed)

    assert is_ahead(gain, study), gain


def test_eval_does_not_depend_on_the_batch_size(trained: Trained, dataset: Dataset) -> None:
    model, images = trained(torch.nn.BatchNorm1d, 0).model, tensors(dataset.test)[0][: max(SIZES)]

    assert rows_that_depend_on_the_batch_size(model, images, SIZES).tolist() == []


@pytest.mark.parametrize("seed", SEEDS)
def test_training_with_the_reference_follows_training_with_torch(dataset: Dataset, limit: float, seed: int) -> None:
    runs = compare(dataset, layer_named("reference"), torch.nn.BatchNorm1d, seed)

    assert runs.parting(limit) == ""


# What each check is for: the faults that it sees.


@pytest.mark.parametrize(
    "fault", ["statistics_never_move", "running_statistics_in_training", "square_for_root", "statistics_taken_for_constants"]
)
def test_a_fault_that_costs_accuracy_loses_the_advantage(trained: Trained, study: dict[str, Any], fault: str) -> None:
    gain = trained(MUTANT[fault], 0)

    assert not is_ahead(gain, study), gain


def test_batch_statistics_in_eval_depend_on_the_batch_size(trained: Trained, dataset: Dataset) -> None:
    model, images = trained(BATCH_STATISTICS_IN_EVAL, 0).model, tensors(dataset.test)[0][: max(SIZES)]

    assert len(rows_that_depend_on_the_batch_size(model, images, [size for size in SIZES if size > 1])) > 0


@pytest.mark.parametrize(
    ("fault", "parts"),
    [
        ("biased_running_variance", "1.running_var"),
        ("statistics_never_move", "1.running_mean"),
        ("variance_taken_for_constant", "0.weight"),
        ("mean_taken_for_constant", "0.weight"),
        ("weight_gradient_one_percent_low", "4.weight"),
        ("eps_outside_the_root", "0.weight"),
        ("eps_only_in_training", "logits in eval"),
        ("deviation_computed_once", "logits in eval"),
        ("updated_in_eval", "1.running_mean"),
    ],
)
def test_a_fault_leaves_the_trajectory_within_two_steps(dataset: Dataset, limit: float, fault: str, parts: str) -> None:
    runs = compare(dataset, MUTANT[fault], torch.nn.BatchNorm1d, seed=0, steps=2)

    assert not (runs.ratios[:, runs.names.index(parts)] <= limit).all()
    assert runs.parting(limit).startswith("after step ")
