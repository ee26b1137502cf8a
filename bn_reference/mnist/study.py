"""The study of seeds that the regression test takes its limits from: ``python -m bn_reference.mnist.study FILE``.

What is drawn anew falls below the smallest of n earlier draws with probability 1 / (n + 1), and as seldom above the largest,
whatever the distribution is: those are the limits, and no other number is chosen.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.digits import handwritten_digits
from bn_reference.mnist.layers import layer_named
from bn_reference.mnist.phenomena.study import study_phenomena
from bn_reference.mnist.regression import advantage
from bn_reference.mnist.sources import load
from bn_reference.mnist.training import Settings, train
from bn_reference.mnist.trajectory import compare
from bn_reference.power.controls import CONTROLS
from bn_reference.verification.api import environment

__all__ = ["study"]

ADVANTAGE_SEEDS = 400
REFERENCE_SEEDS = 40
CONTROL_SEEDS = 4  # of each control; they are sixteen honest layers, all but torch's own
LECTURE_SEEDS = 10

Say = Callable[[str], None]


def study(dataset: Dataset, say: Say = lambda line: None) -> dict[str, Any]:
    """What the reduced run gives for many seeds.

    Returns:
        ``advantage``: loss and accuracy by seed; ``trajectory``: the largest ratio of each honest layer by seed;
        ``phenomena``: each quantity of the explanation by seed.
    """
    gains = [advantage(dataset, torch.nn.BatchNorm1d, seed) for seed in _told(range(ADVANTAGE_SEEDS), "advantage", say)]
    return {
        "advantage": {"loss": [gain.loss for gain in gains], "accuracy": [gain.accuracy for gain in gains]},
        "trajectory": {
            "reference": _ratios(dataset, layer_named("reference"), REFERENCE_SEEDS, "reference", say),
            **{
                control.name: _ratios(dataset, control.factory, CONTROL_SEEDS, control.name, say)
                for control in CONTROLS
                if control.name != "framework_function"  # torch's own layer in another guise: not one bit differs
            },
        },
        "phenomena": study_phenomena(dataset, partial(_told, say=say)),
    }


def _ratios(dataset: Dataset, layer: Callable[..., torch.nn.Module], seeds: int, name: str, say: Say) -> list[float]:
    return [compare(dataset, layer, torch.nn.BatchNorm1d, seed).worst for seed in _told(range(seeds), name, say)]


def lecture_runs(dataset: Dataset, say: Say = lambda line: None) -> list[list[dict[str, Any]]]:
    """The full run, ten epochs on all images, for some seeds: the history of each."""
    return [
        [asdict(epoch) for epoch in train(dataset, Settings(seed=seed), torch.nn.BatchNorm1d).epochs]
        for seed in _told(range(LECTURE_SEEDS), "lecture", say)
    ]


def _told(seeds: Iterable[int], what: str, say: Say) -> Iterable[int]:
    for seed in seeds:
        say(f"{what}, seed {seed}")
        yield seed


def main(path: Path) -> None:
    """Study MNIST and the digits that scikit-learn ships, and write both."""
    found: dict[str, Any] = {"environment": environment()}
    mnist = load(download=False)
    for dataset in (mnist, handwritten_digits()):
        found[dataset.name] = study(dataset, _tell)
    found[mnist.name]["lecture"] = lecture_runs(mnist, _tell)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
