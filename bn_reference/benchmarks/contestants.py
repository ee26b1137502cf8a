"""torch's other two ways to normalize, as targets: the function, and the compiled layer."""

from __future__ import annotations

from typing import Any

import torch

from bn_reference.targets import REFERENCE, TORCH

__all__ = ["COMPILED", "COMPILED_DEVIATION", "LABELS", "STANDARD", "FunctionalBatchNorm1d", "compiled"]


class FunctionalBatchNorm1d(torch.nn.BatchNorm1d):
    """``torch.nn.functional.batch_norm`` on a layer's tensors, without the layer's own checks and bookkeeping."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalize; ``momentum=None`` needs the layer's counter and is left to the layer."""
        if self.momentum is None:
            return super().forward(input)
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        return torch.nn.functional.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            self.momentum,
            self.eps,
        )


def compiled(*arguments: Any, **options: Any) -> torch.nn.Module:
    """``torch.nn.BatchNorm1d`` under ``torch.compile``, which compiles anew for each shape, dtype and mode."""
    torch.compiler.reset()  # a process may compile a function only a few times before torch falls back to the plain one
    layer: Any = torch.compile(torch.nn.BatchNorm1d(*arguments, **options), dynamic=False)
    return layer  # type: ignore[no-any-return]


COMPILED = f"{__name__}:compiled"
# Found by this benchmark: the bound of a bfloat16 gradient was exceeded, by a factor of 1.2 on plain normal data.
COMPILED_DEVIATION = (
    "on the CPU the compiled layer keeps the mean and the inverse deviation of a half-precision batch in that half precision "
    "for the backward pass (native_batch_norm_helper in torch/_decomp/decompositions.py, torch 2.13)"
)
STANDARD = (TORCH, f"{__name__}:FunctionalBatchNorm1d", COMPILED, REFERENCE)
LABELS = dict(zip(STANDARD, ("torch's layer", "F.batch_norm", "torch.compile", "reference"), strict=True))
