"""The reduced run that guards training end to end: how far batch norm is ahead, and whether eval depends on the batch size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.learning import Learner, endless_batches, score, tensors
from bn_reference.mnist.models import LayerFactory, model_pair
from bn_reference.support.threads import on_threads

__all__ = ["LIMIT", "STEPS", "Advantage", "advantage", "rows_that_depend_on_the_batch_size"]

LIMIT = 8000  # images, the first of the training set
STEPS = 500  # two epochs of them
SCORED_EVERY = 50  # steps: a single score of a model that learns at this rate jumps by as much as batch norm gains


@dataclass(frozen=True, eq=False)
class Advantage:
    """How far the model with batch norm is ahead of the plain one on the test set, on average along their learning curves.

    Attributes:
        loss: mean of plain loss - batch-norm loss, nats.
        accuracy: mean of batch-norm accuracy - plain accuracy.
        model: the model with batch norm, after the last step.
    """

    loss: float
    accuracy: float
    model: nn.Sequential


def advantage(dataset: Dataset, layer: LayerFactory, seed: int) -> Advantage:
    """Train the lecture's pair of models for 500 steps on the first 8,000 images, scored on the whole test set every 50.

    Args:
        dataset: the images; fewer than 8,000 are gone through more often.
        layer: builds the batch-norm layers.
        seed: of the initial weights and the order of the images.
    """
    images, labels = tensors(dataset.limited(LIMIT).train)
    tested = tensors(dataset.test)
    loss, accuracy = 0.0, 0.0
    with on_threads(1):
        models = model_pair(dataset.pixels, layer, seed)
        learners = [Learner(model) for model in models]
        for step, chosen in enumerate(islice(endless_batches(len(labels), seed), STEPS), start=1):
            for learner in learners:
                learner.step(images[chosen], labels[chosen])
            if step % SCORED_EVERY == 0:
                with_bn, plain = (score(model, *tested) for model in models)
                loss += plain.loss - with_bn.loss
                accuracy += with_bn.accuracy - plain.accuracy
    scores = STEPS // SCORED_EVERY
    return Advantage(loss / scores, accuracy / scores, models[0])


def rows_that_depend_on_the_batch_size(model: nn.Sequential, images: Tensor, sizes: Sequence[int]) -> Tensor:
    """Images (by index) whose class in eval is not the same for every number of images evaluated at once.

    Classes are compared, not logits: the linear layers may add their products in another order for another number of rows.
    """
    model.eval()
    with torch.no_grad(), on_threads(1):
        classes = torch.stack([torch.cat([model(part).argmax(1) for part in images.split(size)]) for size in sizes])
    return (classes != classes[0]).any(0).nonzero().flatten()
