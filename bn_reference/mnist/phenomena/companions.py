"""Training and eval: how far the output for one image moves with the images that share its batch."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.learning import tensors
from bn_reference.mnist.regression import LIMIT

__all__ = ["BATCH_SIZES", "Companions", "movement"]

Float = npt.NDArray[np.float64]

BATCH_SIZES = (2, 4, 8, 16, 32, 64, 128, 256, 512)
ROWS = 8  # images that are watched, one at a time


@dataclass(frozen=True, eq=False)
class Companions:
    """How far the logits for an image move with its companions.

    Attributes:
        sizes: (k,) images in a batch, the watched one among them.
        training: (k,) deviation of a logit over companions drawn at random, in nats, averaged over images and classes.
        evaluation: (k,) the same in eval.
        slope: of log training against log size, by least squares over batches of 8 and more; -1/2 where the movement is that
            of the batch's mean and variance.
    """

    sizes: npt.NDArray[np.int64]
    training: Float
    evaluation: Float

    @property
    def slope(self) -> float:
        large = self.sizes >= 8
        return float(np.polyfit(np.log(self.sizes[large]), np.log(self.training[large]), 1)[0])


def movement(model: nn.Sequential, dataset: Dataset, seed: int, draws: int = 64) -> Companions:
    """Watch eight test images among training images drawn at random, that often; the model itself stays as it is."""
    watched, _ = tensors(dataset.test.first(ROWS))
    others, _ = tensors(dataset.limited(LIMIT).train)
    modes = {}
    for training in (True, False):
        frozen = deepcopy(model).train(training)
        drawing = torch.Generator().manual_seed(seed)
        modes[training] = np.array([_deviation(frozen, watched, others, size, draws, drawing) for size in BATCH_SIZES])
    return Companions(np.array(BATCH_SIZES), modes[True], modes[False])


def _deviation(model: nn.Sequential, watched: Tensor, others: Tensor, size: int, draws: int, drawing: torch.Generator) -> float:
    found = []
    with torch.no_grad():
        for image in watched:
            logits = []
            for _ in range(draws):
                companions = others[torch.randint(len(others), (size - 1,), generator=drawing)]
                logits.append(model(torch.cat([image[None], companions]))[0])
            found.append(torch.stack(logits).double().std(0).mean())
    return float(torch.stack(found).mean())
