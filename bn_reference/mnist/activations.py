"""What enters the two batch-norm layers while the lecture's model learns, recorded as cases for the properties."""

from __future__ import annotations

from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bn_reference.cases.recording import Batch, Recording, write_recording
from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.learning import Learner, endless_batches, tensors
from bn_reference.mnist.models import batch_norm_layers, perceptron, seeded
from bn_reference.mnist.regression import LIMIT, STEPS
from bn_reference.support.threads import on_threads
from bn_reference.targets.met import met_by

__all__ = ["SIZES", "record"]

SIZES = (2, 3, 8, 32, 257)
MOMENTS = (0, STEPS // 2, STEPS)  # the start, the middle and the end of the reduced run


def record(dataset: Dataset, path: Path, seed: int = 0) -> None:
    """Train the lecture's model for 500 steps and write what its layers meet before, halfway and after, in training and eval.

    Both layers, three moments, two modes, batches of 2, 3, 8, 32 and 257 training images: 60 batches, in float32. The
    gradients are those of the mean cross entropy. The recording itself changes nothing in the run.
    """
    images, labels = tensors(dataset.limited(LIMIT).train)
    with on_threads(1):
        model = seeded(seed, lambda: perceptron(dataset.pixels, nn.BatchNorm1d))
        learner, order = Learner(model), endless_batches(len(labels), seed)
        others = torch.Generator().manual_seed(seed + 1)
        batches: list[Batch] = []
        done = 0
        for moment in MOMENTS:
            for chosen in islice(order, moment - done):
                learner.step(images[chosen], labels[chosen])
            done = moment
            for training in (True, False):
                for size in SIZES:
                    some = torch.randperm(len(labels), generator=others)[:size]
                    batches += _met(model, images[some], labels[some], training, moment)
    title = f"what entered batch norm while the lecture's model learned {dataset.name}, seed {seed}"
    write_recording(path, Recording(title, tuple(batches)))


def _met(model: nn.Sequential, images: Tensor, labels: Tensor, training: bool, moment: int) -> list[Batch]:
    """What each batch-norm layer of a copy of the model meets for these images."""
    copy = deepcopy(model).train(training)
    layers: Any = {str(at): copy[at] for at in batch_norm_layers(copy)}
    title = f"after {moment} steps, {'training' if training else 'eval'}, batch of {len(images)}"
    calls = met_by(layers, lambda: cross_entropy(copy(images), labels))
    return [call.batch(f"layer {number} {title}") for number, call in enumerate(calls, start=1)]
