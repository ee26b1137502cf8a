"""Vanishing and exploding gradients: the gradient of each layer's weights, at the start and while a network learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.learning import Learner, endless_batches, tensors
from bn_reference.mnist.models import LayerFactory
from bn_reference.mnist.phenomena.networks import deep_network, hidden_weights
from bn_reference.mnist.regression import LIMIT

__all__ = ["Profile", "growth", "gradient_profiles", "predicted_growth"]

Float = npt.NDArray[np.float64]

BATCH = 256
LEARNING_RATE = 0.001
GRID = np.linspace(-12.0, 12.0, 200_000)  # standard deviations; ReLU's kink lies halfway between two


@dataclass(frozen=True, eq=False)
class Profile:
    """The gradients of one network at one moment.

    Attributes:
        activation, batch_norm, designed: which network.
        step: steps of Adam before.
        norms: (depth - 1,) Euclidean norms of the gradients of the square weights, from the input's side.
    """

    activation: str
    batch_norm: bool
    designed: bool
    step: int
    norms: Float

    @property
    def growth(self) -> float:
        return growth(self.norms)


def growth(norms: Float) -> float:
    """The factor by which the squared norm grows a layer on its way back, by least squares on logarithms; 0 once it is 0."""
    if not (norms > 0).all():
        return 0.0
    slope = np.polyfit(np.arange(len(norms)), np.log(norms), 1)[0]
    return float(np.exp(-2 * slope))


def gradient_profiles(
    dataset: Dataset,
    depth: int,
    activation: str,
    layer: LayerFactory | None,
    seed: int,
    *,
    designed: bool = False,
    steps: Sequence[int] = (0,),
) -> list[Profile]:
    """The gradients of a network on batches of 256, before the steps of Adam that are named, in ascending order."""
    pixels, labels = tensors(dataset.limited(LIMIT).train)
    model = deep_network(pixels.shape[1], depth, activation, layer, seed, designed=designed)
    learner, found = Learner(model, LEARNING_RATE), []
    for step, chosen in enumerate(islice(endless_batches(len(labels), seed, BATCH), steps[-1] + 1)):
        if step in steps:
            gradients = torch.autograd.grad(cross_entropy(model(pixels[chosen]), labels[chosen]), hidden_weights(model))
            norms = np.array([float(gradient.double().norm()) for gradient in gradients])
            found.append(Profile(activation, layer is not None, designed, step, norms))
        if step < steps[-1]:
            learner.step(pixels[chosen], labels[chosen])
    return found


def predicted_growth(activation: str) -> float:
    r"""What a wide network with batch norm and large batches does to the squared norm a layer: E[f'(z)^2] / Var[f(z)].

    A normalized pre-activation z is standard normal over the batch, and uncorrelated between images once the network is deep.
    The next layer normalizes by the deviation of the weighted sums of f(z), which is that of f(z) itself times the weights';
    going back, the same weights and that deviation meet f'(z): the weights cancel, and :math:`E[f'^2] / Var[f]` is left. By
    the Gaussian Poincaré inequality it is at least 1, and 1 for linear f alone: no choice of initial weights keeps gradients
    from growing. For ReLU it is :math:`\pi / (\pi - 1) = 1.467`, the rate of Yang et al. (2019, arXiv:1902.08129).
    """
    z = GRID
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    if activation == "ReLU":
        f, slope = np.maximum(z, 0.0), (z > 0).astype(float)
    elif activation == "tanh":
        f, slope = np.tanh(z), 1 / np.cosh(z) ** 2
    else:
        f = 1 / (1 + np.exp(-z))
        slope = f * (1 - f)
    mean = float(weights @ f)
    return float(weights @ slope**2) / (float(weights @ f**2) - mean**2)
