"""What many seeds give of each phenomenon: the ranges that the tests of the claims are held to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.models import LayerFactory
from bn_reference.mnist.phenomena.companions import movement
from bn_reference.mnist.phenomena.depth import learn_at_depth
from bn_reference.mnist.phenomena.gradients import gradient_profiles
from bn_reference.mnist.phenomena.networks import ACTIVATIONS
from bn_reference.mnist.phenomena.shift import input_percentiles, input_shift
from bn_reference.mnist.regression import advantage
from bn_reference.support.threads import on_threads

__all__ = ["QUANTITIES", "study_phenomena"]

SEEDS = 30
WANDERING_STEPS, WANDERING_EVERY = 1000, 50

Quantity = Callable[[Dataset, int], float]


def gradient_growth(activation: str, layer: LayerFactory | None) -> Quantity:
    """The growth of the squared gradient a layer, through 20 layers, before training."""
    return lambda dataset, seed: gradient_profiles(dataset, 20, activation, layer, seed)[0].growth


def accuracy_at_depth(depth: int, activation: str, layer: LayerFactory | None) -> Quantity:
    """The test accuracy after 300 steps."""
    return lambda dataset, seed: learn_at_depth(dataset, depth, activation, layer, seed).accuracy


def input_movement(layer: LayerFactory | None) -> Quantity:
    """How far an activation's mean input moves a step, in deviations, on average over both layers."""
    return lambda dataset, seed: float(input_shift(dataset, layer, seed).mean.mean())


def gradient_movement(layer: LayerFactory | None) -> Quantity:
    """How far a layer's gradient moves with the step of the layers before it, on average over both layers."""
    return lambda dataset, seed: float(input_shift(dataset, layer, seed).gradient.mean())


def median_wandering(layer: LayerFactory | None) -> Quantity:
    """Between which values the median input of a sigmoid lies during 1,000 steps: their difference."""

    def measured(dataset: Dataset, seed: int) -> float:
        seen = input_percentiles(dataset, layer, seed, WANDERING_STEPS, WANDERING_EVERY)
        return float(seen.values[:, 1].max() - seen.values[:, 1].min())

    return measured


def companions_slope(layer: LayerFactory) -> Quantity:
    """The exponent with which an output's movement falls with the batch size."""
    return lambda dataset, seed: movement(advantage(dataset, layer, seed).model, dataset, seed).slope


LAYERS: dict[str, LayerFactory | None] = {"batch norm": torch.nn.BatchNorm1d, "without": None}

QUANTITIES: dict[str, Quantity] = {
    **{f"growth, {a}, {name}": gradient_growth(a, layer) for a in ACTIVATIONS for name, layer in LAYERS.items()},
    **{f"accuracy at depth 10, sigmoid, {name}": accuracy_at_depth(10, "sigmoid", layer) for name, layer in LAYERS.items()},
    "accuracy at depth 50, ReLU, batch norm": accuracy_at_depth(50, "ReLU", torch.nn.BatchNorm1d),
    **{f"input movement, {name}": input_movement(layer) for name, layer in LAYERS.items()},
    **{f"gradient movement, {name}": gradient_movement(layer) for name, layer in LAYERS.items()},
    **{f"median wandering, {name}": median_wandering(layer) for name, layer in LAYERS.items()},
    "companions slope, batch norm": companions_slope(torch.nn.BatchNorm1d),
}


def study_phenomena(dataset: Dataset, told: Callable[[Iterable[int], str], Iterable[int]]) -> dict[str, list[float]]:
    """Each quantity for 30 seeds; ``told`` passes the seeds on and says what is studied."""
    with on_threads(1):
        return {name: [measured(dataset, seed) for seed in told(range(SEEDS), name)] for name, measured in QUANTITIES.items()}
