"""Everything that is measured for the explanation, from one seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.phenomena.companions import Companions, movement
from bn_reference.mnist.phenomena.depth import Learnt, learn_at_depth
from bn_reference.mnist.phenomena.gradients import Profile, gradient_profiles
from bn_reference.mnist.phenomena.networks import ACTIVATIONS, DEPTHS
from bn_reference.mnist.phenomena.shift import Percentiles, Shift, input_percentiles, input_shift
from bn_reference.mnist.regression import advantage
from bn_reference.support.threads import on_threads

__all__ = ["PARTS", "SEEN_DEPTH", "Effort", "Measurements", "measure_all"]

SEEN_DEPTH = 20  # hidden layers of the networks whose gradients are shown layer by layer
PERCENTILE_EVERY = 50

LAYERS = (torch.nn.BatchNorm1d, None)
# how many measurements are announced as they are made
PARTS = len(ACTIVATIONS) * len(LAYERS) * (2 + len(DEPTHS)) + 2 * len(LAYERS) + 1


@dataclass(frozen=True)
class Effort:
    """How long it is looked at: steps of training for gradients, depth, percentiles and shift, and draws of companions."""

    gradients: int = 100
    depth: int = 300
    percentiles: int = 3000
    shift: int = 500
    draws: int = 64


@dataclass(frozen=True, eq=False)
class Measurements:
    """What was measured; in each tuple with batch norm first.

    Attributes:
        profiles: gradients through 20 hidden layers, before training, after a step, and after 100; and before training, with
            weights drawn as was designed for the activation.
        learnt: what networks of 2 to 50 hidden layers come to.
        percentiles: the input of an inner sigmoid while the paper's network learns.
        shifts: how far the inner inputs of the lecture's model move in a step.
        companions: how far the logits for an image move with the rest of its batch.
    """

    profiles: tuple[Profile, ...]
    learnt: tuple[Learnt, ...]
    percentiles: tuple[Percentiles, Percentiles]
    shifts: tuple[Shift, Shift]
    companions: Companions

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = _listed(asdict(self))
        return found


def measure_all(
    dataset: Dataset,
    seed: int = 0,
    threads: int = 1,
    advance: Callable[[], None] = lambda: None,
    effort: Effort = Effort(),
) -> Measurements:
    """Measure; ``advance`` is called after each of the 53 parts. The same seed and threads give the same numbers."""

    def done(part: Any) -> Any:
        advance()
        return part

    with on_threads(threads):
        profiles: list[Profile] = []
        for activation in ACTIVATIONS:
            for layer in LAYERS:
                for designed, steps in ((False, (0, 1, effort.gradients)), (True, (0,))):
                    network = (dataset, SEEN_DEPTH, activation, layer, seed)
                    profiles += done(gradient_profiles(*network, designed=designed, steps=steps))
        return Measurements(
            profiles=tuple(profiles),
            learnt=tuple(
                done(learn_at_depth(dataset, depth, activation, layer, seed, effort.depth))
                for activation in ACTIVATIONS
                for layer in LAYERS
                for depth in DEPTHS
            ),
            percentiles=(  # one line each, as mypy counts a tuple's parts
                done(input_percentiles(dataset, LAYERS[0], seed, effort.percentiles, PERCENTILE_EVERY)),
                done(input_percentiles(dataset, LAYERS[1], seed, effort.percentiles, PERCENTILE_EVERY)),
            ),
            shifts=(
                done(input_shift(dataset, LAYERS[0], seed, effort.shift)),
                done(input_shift(dataset, LAYERS[1], seed, effort.shift)),
            ),
            companions=done(movement(advantage(dataset, torch.nn.BatchNorm1d, seed).model, dataset, seed, effort.draws)),
        )


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_listed(part) for part in value]
    return value.tolist() if isinstance(value, np.ndarray) else value
