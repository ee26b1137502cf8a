"""The lecture's experiment: both models learn from the same batches, and are scored on both sets after each epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import torch
from torch import nn

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.learning import BATCH_SIZE, Learner, batches, score, tensors
from bn_reference.mnist.models import LayerFactory, model_pair
from bn_reference.support.threads import on_threads

__all__ = ["Epoch", "Figures", "History", "Settings", "train"]

Advance = Callable[[], None]  # is called after each step of the pair of models


@dataclass(frozen=True)
class Settings:
    """What determines a run: the same settings, data and versions give the same bits.

    Attributes:
        epochs: how often each image is seen.
        limit: train on the first so many images only; None for all.
        seed: of the initial weights and the order of the images.
        threads: of torch. The models are small: more threads gain little, and change the last bits.
        layer: the name of the batch-norm layer.
    """

    epochs: int = 10
    limit: int | None = None
    seed: int = 0
    threads: int = 1
    layer: str = "torch"


@dataclass(frozen=True)
class Figures:
    """A model after an epoch, in eval: mean cross entropy in nats and share of right answers, on both sets."""

    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float


@dataclass(frozen=True)
class Epoch:
    """Both models after an epoch, counted from 1."""

    epoch: int
    batch_norm: Figures
    plain: Figures


@dataclass
class History:
    """What a run has come to so far, and the two models as they are now."""

    epochs: list[Epoch] = field(default_factory=list)
    batch_norm: nn.Sequential | None = None
    plain: nn.Sequential | None = None

    def to_json(self) -> list[dict[str, object]]:
        return [asdict(epoch) for epoch in self.epochs]


def steps_of(dataset: Dataset, settings: Settings) -> int:
    """How many steps each model takes."""
    return settings.epochs * (len(dataset.limited(settings.limit).train) // BATCH_SIZE)


def train(
    dataset: Dataset, settings: Settings, layer: LayerFactory, history: History | None = None, advance: Advance = lambda: None
) -> History:
    """Train both models from the same initial weights, on the same batches in the same order.

    Args:
        dataset: MNIST, or another set of images.
        settings: of the run; ``settings.layer`` only names the layer.
        layer: builds the batch-norm layers.
        history: is filled as the run goes, so that an interrupted one keeps its finished epochs; None for a new one.
        advance: is called after each step.

    Returns:
        the history, with an entry an epoch.
    """
    history = History() if history is None else history
    limited = dataset.limited(settings.limit)
    images, labels = tensors(limited.train)
    sets = ((images, labels), tensors(limited.test))
    with on_threads(settings.threads):
        history.batch_norm, history.plain = models = model_pair(limited.pixels, layer, settings.seed)
        learners = [Learner(model) for model in models]
        order = torch.Generator().manual_seed(settings.seed)
        for epoch in range(1, settings.epochs + 1):
            for chosen in batches(len(labels), order):
                seen, meant = images[chosen], labels[chosen]
                for learner in learners:
                    learner.step(seen, meant)
                advance()
            figures = [_figures(model, sets) for model in models]
            history.epochs.append(Epoch(epoch, *figures))
    return history


def _figures(model: nn.Sequential, sets: tuple[tuple[torch.Tensor, torch.Tensor], ...]) -> Figures:
    train_score, test_score = (score(model, images, labels) for images, labels in sets)
    return Figures(train_score.loss, train_score.accuracy, test_score.loss, test_score.accuracy)
