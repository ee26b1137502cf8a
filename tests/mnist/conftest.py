"""The images that the tests are run on, and the study that their limits come from."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.digits import handwritten_digits
from bn_reference.mnist.phenomena.measure import Effort, Measurements, measure_all
from bn_reference.mnist.sources import load, locate

STUDY = Path(__file__).parents[2] / "docs" / "mnist" / "study.json"


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    """MNIST where it lies, else the digits that scikit-learn ships; the header of the run says which."""
    if locate() is None and not os.environ.get("BN_REFERENCE_REQUIRE_MNIST"):
        return handwritten_digits()
    return load(download=False)


@pytest.fixture(scope="session")
def study(dataset: Dataset) -> dict[str, Any]:
    """What many seeds gave on these images."""
    found: dict[str, Any] = json.loads(STUDY.read_text(encoding="utf-8"))[dataset.name]
    return found


@pytest.fixture(scope="session")
def measurements(dataset: Dataset) -> Measurements:
    """What the explanation measures, from a glance."""
    return measure_all(dataset, effort=Effort(gradients=2, depth=2, percentiles=50, shift=10, draws=2))
