"""Learning, one model at a time: the order of the batches, a step of Adam, a score. ``training`` makes the experiment of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bn_reference.mnist.dataset import Split

__all__ = ["BATCH_SIZE", "LEARNING_RATE", "Learner", "Score", "batches", "endless_batches", "score", "tensors"]

BATCH_SIZE = 32  # the lecture's
LEARNING_RATE = 0.01


@dataclass(frozen=True)
class Score:
    """Mean cross entropy in nats, and the share of images that are classified rightly."""

    loss: float
    accuracy: float


def tensors(split: Split, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Images (n, p) in ``dtype``, and labels (n,), as one tensor each: a batch is a selection of rows and needs no loader."""
    return torch.tensor(split.images, dtype=dtype), torch.tensor(split.labels)


def batches(count: int, generator: torch.Generator, size: int = BATCH_SIZE) -> Iterator[Tensor]:
    """One epoch: indices of ``count`` images in random order, ``size`` at a time; the last incomplete batch is dropped."""
    order = torch.randperm(count, generator=generator)
    for start in range(0, count - size + 1, size):
        yield order[start : start + size]


def endless_batches(count: int, seed: int, size: int = BATCH_SIZE) -> Iterator[Tensor]:
    """Epoch after epoch, in orders drawn from a seed."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from batches(count, generator, size)


class Learner:
    """A model and its optimizer, Adam."""

    def __init__(self, model: nn.Sequential, learning_rate: float = LEARNING_RATE) -> None:
        self.model = model
        # fused: one call for all parameters, which halves the time of a step of so small a model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        """One step on a batch; the loss before it: ()."""
        self.optimizer.zero_grad()
        loss = cross_entropy(self.model(images), labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def score(model: nn.Module, images: Tensor, labels: Tensor, size: int | None = None) -> Score:
    """The model's score in eval, ``size`` images at a time (None: all at once); it is left in the mode it was in."""
    was_training = model.training
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(part) for part in images.split(size or len(images))])
    model.train(was_training)
    right = (logits.argmax(1) == labels).double().mean()
    return Score(float(cross_entropy(logits, labels)), float(right))
