"""What one value a channel gives in training."""

from __future__ import annotations

from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.power.lawful.declaration import OfConventions

__all__ = ["BATCHES"]

BATCHES = OfConventions()


@BATCHES.lawful(single_value="bias")
class BiasOfOneValue(CleanBatchNorm1d):
    """One value a channel gives y = bias, and a variance of zero."""

    def validate_count(self, batch: Tensor) -> None:
        pass

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return var if m == 1 else super().unbiased(var, m)


@BATCHES.unlawful(single_value="bias")
class PoisonedByOneValue(BiasOfOneValue):
    """One value a channel gives y = bias, and a running variance of NaN for ever."""

    def unbiased(self, var: Tensor, m: int) -> Tensor:
        return var * m / (m - 1)


@BATCHES.lawful(single_value="input")
class ReturnedOneValue(CleanBatchNorm1d):
    """One value a channel is returned as it is."""

    def forward(self, batch: Tensor) -> Tensor:
        one = self.training and batch.dim() in (2, 3) and self.count(batch) == 1
        return batch.clone() if one else super().forward(batch)
