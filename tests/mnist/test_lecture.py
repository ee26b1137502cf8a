"""The lecture's full run, nightly: ten epochs on all images."""

from typing import Any

import pytest
import torch

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.lecture import LECTURE
from bn_reference.mnist.training import Epoch, Settings, train

FIGURES = [
    (model, figure)
    for model in ("batch_norm", "plain")
    for figure in ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
]


@pytest.fixture(scope="module")
def history(dataset: Dataset) -> list[Epoch]:
    """The default run of ``bn-reference train``."""
    if dataset.name != "MNIST":
        pytest.skip("the lecture's run needs MNIST itself: set BN_REFERENCE_DATA, or run bn-reference data")
    return train(dataset, Settings(), torch.nn.BatchNorm1d).epochs


@pytest.mark.nightly
def test_batch_norm_has_the_lower_test_loss_after_every_epoch(history: list[Epoch]) -> None:
    assert [epoch.epoch for epoch in history if not epoch.batch_norm.test_loss < epoch.plain.test_loss] == []


@pytest.mark.nightly
@pytest.mark.parametrize(("model", "figure"), FIGURES)
def test_the_final_figures_are_inside_the_range_of_ten_seeds(
    history: list[Epoch], study: dict[str, Any], model: str, figure: str
) -> None:
    finals = [run[-1][model][figure] for run in study["lecture"]]

    assert min(finals) <= getattr(getattr(history[-1], model), figure) <= max(finals)


def test_the_lecture_too_saw_batch_norm_ahead_after_every_epoch() -> None:
    assert [row.epoch for row in LECTURE if not row.batch_norm.test_loss < row.plain.test_loss] == []
