"""Whether a network of some depth learns at all."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.learning import Learner, endless_batches, score, tensors
from bn_reference.mnist.models import LayerFactory
from bn_reference.mnist.phenomena.gradients import LEARNING_RATE
from bn_reference.mnist.phenomena.networks import deep_network
from bn_reference.mnist.regression import LIMIT

__all__ = ["Learnt", "learn_at_depth"]

STEPS = 300
BATCH = 64


@dataclass(frozen=True)
class Learnt:
    """What a network has come to on the test set: mean cross entropy in nats (ln 10 = 2.303 knows nothing), and accuracy."""

    activation: str
    batch_norm: bool
    depth: int
    loss: float
    accuracy: float


def learn_at_depth(
    dataset: Dataset, depth: int, activation: str, layer: LayerFactory | None, seed: int, steps: int = STEPS
) -> Learnt:
    """Train for 300 steps of Adam at 0.001, batches of 64, weights as torch draws them; then score in eval."""
    images, labels = tensors(dataset.limited(LIMIT).train)
    learner = Learner(deep_network(dataset.pixels, depth, activation, layer, seed), LEARNING_RATE)
    for chosen in islice(endless_batches(len(labels), seed, BATCH), steps):
        learner.step(images[chosen], labels[chosen])
    reached = score(learner.model, *tensors(dataset.test))
    return Learnt(activation, layer is not None, depth, reached.loss, reached.accuracy)
