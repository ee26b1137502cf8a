"""Internal covariate shift: how the inputs of inner layers move while a network learns, by two definitions."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.learning import Learner, endless_batches, tensors
from bn_reference.mnist.models import LayerFactory, perceptron, seeded
from bn_reference.mnist.phenomena.networks import ACTIVATIONS
from bn_reference.mnist.regression import LIMIT

__all__ = ["Percentiles", "Shift", "input_percentiles", "input_shift"]

Float = npt.NDArray[np.float64]

PROBED = 1000  # test images on which distributions are seen
STEPS = 500
EVERY = 10  # steps between two looks at gradients
PERCENTILES = (15, 50, 85)


@dataclass(frozen=True, eq=False)
class Percentiles:
    """The paper's figure 1: the input of one sigmoid of the last hidden layer, over the probed images.

    Attributes:
        steps: (k,) when it was looked at.
        values: (k, 3), the 15th, 50th and 85th percentile.
    """

    steps: npt.NDArray[np.int64]
    values: Float


def input_percentiles(dataset: Dataset, layer: LayerFactory | None, seed: int, steps: int, every: int) -> Percentiles:
    """Train the paper's network (section 4.1: three hidden layers of 100 sigmoids, batches of 60) and look at one unit.

    Optimizer and initial weights are ours: Adam at 0.001, and what torch draws. The unit is the first one.
    """
    images, labels = tensors(dataset.train)
    probe, _ = tensors(dataset.test.first(PROBED))
    model = seeded(seed, lambda: perceptron(dataset.pixels, layer, hidden=(100, 100, 100), activation=ACTIVATIONS["sigmoid"]))
    learner, at, values = Learner(model, 0.001), [], []
    for step, chosen in enumerate(islice(endless_batches(len(labels), seed, 60), steps + 1)):
        if step % every == 0:
            at.append(step)
            values.append(np.percentile(_inputs(model, probe)[-1][:, 0].double().numpy(), PERCENTILES))
        learner.step(images[chosen], labels[chosen])
    return Percentiles(np.array(at), np.array(values))


@dataclass(frozen=True, eq=False)
class Shift:
    """How far the input of each activation of the lecture's model moves in one step, on average over units and steps.

    Attributes:
        mean: (2,) by layer: |change of a unit's mean| / its deviation.
        deviation: (2,) |log ratio of a unit's deviations|.
        gradient: (2,) by layer, the second and the third linear one: ``||G - G'|| / ||G||``, where G is the gradient of the
            layer's weights and G' the same after only the layers before it have taken their step (Santurkar et al. 2018,
            arXiv:1805.11604, definition 2.1); the median over steps.
    """

    mean: Float
    deviation: Float
    gradient: Float


def input_shift(dataset: Dataset, layer: LayerFactory | None, seed: int, steps: int = STEPS) -> Shift:
    """Train the lecture's model and watch, in training, what a fixed set of images makes of its inner inputs."""
    images, labels = tensors(dataset.limited(LIMIT).train)
    probe, _ = tensors(dataset.test.first(PROBED))
    model = seeded(seed, lambda: perceptron(dataset.pixels, layer))
    learner, moved, gradients = Learner(model), [], []
    before = _moments(model, probe)
    for step, chosen in enumerate(islice(endless_batches(len(labels), seed), steps)):
        old = deepcopy(model) if step % EVERY == 0 else None
        learner.step(images[chosen], labels[chosen])
        now = _moments(model, probe)
        moved.append([_moved(*pair) for pair in zip(before, now, strict=True)])
        before = now
        if old is not None:
            gradients.append(_gradient_shift(old, model, images[chosen], labels[chosen]))
    average = np.array(moved).mean(axis=0)
    return Shift(average[:, 0], average[:, 1], np.median(np.array(gradients), axis=0))


def _inputs(model: nn.Sequential, images: Tensor) -> list[Tensor]:
    """What enters each activation in training, statistics of these images; the model itself stays as it is."""
    seen, flowing = [], images
    with torch.no_grad():
        for module in deepcopy(model).train():
            if isinstance(module, tuple(ACTIVATIONS.values())):
                seen.append(flowing)
            flowing = module(flowing)
    return seen


def _moments(model: nn.Sequential, images: Tensor) -> list[tuple[Tensor, Tensor]]:
    return [(x.mean(0).double(), x.std(0).double()) for x in _inputs(model, images)]


def _moved(before: tuple[Tensor, Tensor], now: tuple[Tensor, Tensor]) -> tuple[float, float]:
    (mean_before, deviation_before), (mean, deviation) = before, now
    alive = (deviation_before > 0) & (deviation > 0)
    shifts = ((mean - mean_before).abs() / deviation_before)[alive]
    ratios = (deviation / deviation_before)[alive]
    return float(shifts.mean()), float(ratios.log().abs().mean())


def _gradient_shift(old: nn.Sequential, new: nn.Sequential, images: Tensor, labels: Tensor) -> list[float]:
    """For the second and third linear layer: how far the step of the layers before it moves its gradient."""
    found = []
    for at in [position for position, module in enumerate(old) if isinstance(module, nn.Linear)][1:]:
        mixed = nn.Sequential(*list(deepcopy(new))[:at], *list(deepcopy(old))[at:])
        gradients = []
        for model in (deepcopy(old), mixed):
            weight = model[at].weight
            gradients.append(torch.autograd.grad(cross_entropy(model(images), labels), weight)[0].double())  # type: ignore[arg-type]
        found.append(float((gradients[0] - gradients[1]).norm() / gradients[0].norm()))
    return found
