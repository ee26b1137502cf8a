"""What surrounds the algorithm: constructor, state, the refusal of bad input, and which statistics a call uses.

Arithmetic does not belong here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["HALVES", "LayerShell"]

HALVES = (torch.float16, torch.bfloat16)


class LayerShell(torch.nn.Module):
    """The constructor, attributes and state of ``torch.nn.BatchNorm1d``."""

    _version = 2  # that of torch's layer: since 2 the counter is part of the state

    weight: torch.nn.Parameter  # these five are None where the layer has none
    bias: torch.nn.Parameter
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name in ("weight", "bias"):
            values = torch.empty(num_features, device=device, dtype=dtype)
            self.register_parameter(name, torch.nn.Parameter(values) if affine else None)
        for name in ("running_mean", "running_var"):
            values = torch.empty(num_features, device=device, dtype=dtype)
            self.register_buffer(name, values if track_running_stats else None)
        counter = torch.empty((), device=device, dtype=torch.long) if track_running_stats else None
        self.register_buffer("num_batches_tracked", counter)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        self.reset_running_stats()
        if self.affine:
            torch.nn.init.ones_(self.weight)
            torch.nn.init.zeros_(self.bias)

    def extra_repr(self) -> str:
        names = ("num_features", "eps", "momentum", "affine", "track_running_stats")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *others: Any) -> None:
        """A state saved before version 2 has no counter; the layer keeps its own."""
        if local_metadata.get("version", 1) < 2 and self.has_statistics():
            state_dict.setdefault(prefix + "num_batches_tracked", self.num_batches_tracked)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *others)

    # Validation: what torch refuses is refused, before anything is changed.

    def validate(self, batch: Tensor) -> None:
        self.validate_shape(batch)
        self.validate_count(batch)
        if self.eps < 0 or (self.eps == 0 and self.chooses_batch_statistics()):
            raise ValueError(f"eps is {self.eps}; it must be positive, or zero where stored statistics are used")
        accepted = (batch.dtype, torch.float32) if batch.dtype in HALVES else (batch.dtype,)
        for tensor in (self.weight, self.bias, self.running_mean, self.running_var):
            if not batch.is_floating_point() or (tensor is not None and tensor.dtype not in accepted):
                raise RuntimeError(f"input of {batch.dtype} does not go with parameters of {getattr(tensor, 'dtype', None)}")

    def validate_shape(self, batch: Tensor) -> None:
        if batch.dim() not in (2, 3):
            raise ValueError(f"input has {batch.dim()} dimensions; expected (N, C) or (N, C, L)")
        if batch.shape[1] != self.num_features:
            raise RuntimeError(f"input has {batch.shape[1]} channels; expected {self.num_features}")

    def validate_count(self, batch: Tensor) -> None:
        if self.chooses_batch_statistics() and self.count(batch) == 1:
            raise ValueError(f"input {tuple(batch.shape)} has one value per channel, whose variance says nothing")

    # Decisions.

    def has_statistics(self) -> bool:
        return self.running_mean is not None

    def chooses_batch_statistics(self) -> bool:
        return self.training or not self.has_statistics()

    def moves_statistics(self, batch: Tensor) -> bool:
        return self.training and self.track_running_stats and self.has_statistics() and self.count(batch) > 0

    def count(self, batch: Tensor) -> int:
        """m = N * L."""
        return batch.numel() // max(batch.shape[1], 1)
