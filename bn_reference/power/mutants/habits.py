"""Mutants of what a layer does when it is told to train, to evaluate or to load, and of what it then does to itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.mutants.lives import FOLDED, MEAN

__all__ = ["HABITS"]

HABITS = Family()
mutant = HABITS.mutant

RESTORED = "a_saved_state_restores_the_layer"


@mutant(issue("pytorch/pytorch", 37823), MEAN)
class TrainingStartsAnew(CleanBatchNorm1d):
    """A layer that has evaluated begins with fresh running statistics when it is told to train again."""

    def train(self, mode: bool = True) -> TrainingStartsAnew:
        if mode and not self.training:
            self.reset_running_stats()
        super().train(mode)
        return self


@mutant(FOLDED, "evaluation_uses_the_running_statistics")
class FoldsItselfInEval(CleanBatchNorm1d):
    """Told to evaluate, the layer divides its weight by the running deviation for good, and multiplies it again to train."""

    folded = False

    def train(self, mode: bool = True) -> FoldsItselfInEval:
        if self.affine and self.has_statistics() and self.folded == mode:
            with torch.no_grad():
                deviation = self.deviation(self.running_var)
                self.weight.copy_(self.weight * deviation if mode else self.weight / deviation)
            self.folded = not mode
        super().train(mode)
        return self

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        return rows - mu if self.folded and not self.training else super().normalize(rows, mu, sigma)


@mutant(pull("roytseng-tw/Detectron.pytorch", 118), RESTORED)
class LoadedInTheOrderOfTheState(CleanBatchNorm1d):
    """What is loaded goes into vectors of its length in the order in which it comes, whatever it is called."""

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *others: Any) -> None:
        own = [prefix + name for name, value in self.state_dict().items() if value.dim()]
        given = [name for name in state_dict if name in own]
        if len(given) == len(own):
            state_dict.update(dict(zip(own, [state_dict[name] for name in given], strict=True)))
        super()._load_from_state_dict(state_dict, prefix, *others)
