"""Whether training with one layer follows training with another, measured by what rounding alone would do.

Two honest layers differ by rounding, and training may amplify that. How much is seen from runs of the first layer whose
initial weights are one unit in the last place off: no tolerance is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.learning import Learner, endless_batches, tensors
from bn_reference.mnist.models import LayerFactory, perceptron, seeded
from bn_reference.mnist.regression import LIMIT
from bn_reference.support.threads import on_threads

__all__ = ["PERTURBATIONS", "STEPS", "Comparison", "compare"]

STEPS = 200
PERTURBATIONS = 4
PROBED = 64  # test images, whose logits in eval are compared too
UNIT_ROUNDOFF = 2.0**-53

Float = npt.NDArray[np.float64]
Snapshot = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Comparison:
    """How far two runs are apart after each step, beside how far rounding drives one run from itself.

    Attributes:
        names: the model's parameters and statistics, and its logits in eval for some test images, (T,).
        distances: (K, T), ``||a - b|| / ||a||`` of each of them after k = 1, ..., K steps.
        perturbed: (P, K, T), the same between the run and the run from weights that are one unit in the last place off.
    """

    names: tuple[str, ...]
    distances: Float
    perturbed: Float

    @property
    def allowance(self) -> Float:
        """(K, T): the largest distance of a perturbed run up to step k, and one rounding of the stored numbers a step."""
        steps = np.arange(1, len(self.distances) + 1)[:, None]
        largest: Float = np.maximum.accumulate(self.perturbed.max(axis=0), axis=0)
        return largest + steps * UNIT_ROUNDOFF

    @property
    def ratios(self) -> Float:
        """(K, T): distance by allowance; not a number where a run is."""
        result: Float = self.distances / self.allowance
        return result

    @property
    def worst(self) -> float:
        """The largest ratio, infinite where a run is not finite."""
        return float(np.nan_to_num(self.ratios, nan=np.inf).max())

    def parting(self, limit: float) -> str:
        """Where the runs part: the first step at which a ratio is not within ``limit``, and the worst name then; or ""."""
        beyond = ~(self.ratios <= limit)
        if not beyond.any():
            return ""
        step = int(beyond.any(axis=1).argmax())
        ratios = np.nan_to_num(self.ratios[step], nan=np.inf)
        at = int(ratios.argmax())
        return (
            f"after step {step + 1} {self.names[at]} is {self.distances[step, at]:.1e} away, "
            f"{ratios[at]:.1e} times what a perturbation of one unit in the last place makes of it"
        )


def compare(dataset: Dataset, layer: LayerFactory, baseline: LayerFactory, seed: int, steps: int = STEPS) -> Comparison:
    """Train the lecture's model in float64 with either layer, from the same weights and on the same batches.

    Args:
        dataset: the images; the first 8,000 are used.
        layer: builds the batch-norm layers of one run.
        baseline: builds those of the other run, and of the perturbed ones.
        seed: of the initial weights, the order of the images and the signs of the perturbations.
        steps: K.
    """
    images, labels = tensors(dataset.limited(LIMIT).train, torch.float64)
    probe, _ = tensors(dataset.test.first(PROBED), torch.float64)

    def run(factory: LayerFactory, perturbation: int | None = None) -> list[Snapshot]:
        model = seeded(seed, lambda: perceptron(dataset.pixels, factory, dtype=torch.float64))
        if perturbation is not None:
            _move_by_one_ulp(model, torch.Generator().manual_seed(seed * PERTURBATIONS + perturbation))
        learner, snapshots = Learner(model), []
        for chosen in islice(endless_batches(len(labels), seed), steps):
            learner.step(images[chosen], labels[chosen])
            snapshots.append(_snapshot(model, probe))
        return snapshots

    with on_threads(1):
        base = run(baseline)
        other = run(layer)
        perturbed = [_distances(base, run(baseline, number)) for number in range(PERTURBATIONS)]
    return Comparison(tuple(base[0]), _distances(base, other), np.stack(perturbed))


def _move_by_one_ulp(model: nn.Module, signs: torch.Generator) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            up = torch.randint(0, 2, parameter.shape, generator=signs).bool()
            parameter.copy_(torch.nextafter(parameter, torch.where(up, torch.inf, -torch.inf).to(parameter.dtype)))


def _snapshot(model: nn.Module, probe: Tensor) -> Snapshot:
    state: dict[str, Any] = model.state_dict()
    snapshot = {name: values.detach().clone() for name, values in state.items() if values.is_floating_point()}
    model.eval()
    snapshot["logits in eval"] = model(probe).detach()  # recorded, since some layers forget their mode only then
    model.train()
    return snapshot


def _distances(base: list[Snapshot], other: list[Snapshot]) -> Float:
    return np.array([[_distance(a[name], b[name]) for name in a] for a, b in zip(base, other, strict=True)])


def _distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / a.norm())
