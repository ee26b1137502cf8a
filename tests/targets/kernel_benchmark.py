"""A module of the form that kernel benchmarks have: models, what they are built with, and what they are called with."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

batch_size, features, height, width = 64, 64, 512, 512  # four gigabytes: nobody makes such a batch to look at its shape


class Model(nn.Module):
    """The reference."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(num_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(x)


class FallsBack(Model):
    """Runs its kernel on an accelerator alone."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not x.is_cuda:
            return self.bn(x)
        raise AssertionError("there is a kernel for this")


class ByHand(nn.Module):
    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = nn.Parameter(torch.ones(num_features)), nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    axes: tuple[int, ...] = (0, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, _, h, w = x.shape
        mean, var = self.running_mean, self.running_var
        if self.training:
            if n * h * w == 1:
                raise ValueError("one value a channel")
            mean, var = x.mean(self.axes, keepdim=True), x.var(self.axes, unbiased=False, keepdim=True)
            with torch.no_grad():
                self.running_mean.lerp_(mean.mean((0, 2, 3)), self.momentum)
                self.running_var.lerp_(var.mean((0, 2, 3)) * (n * h * w / (n * h * w - 1)), self.momentum)
        scale = self.weight.view(1, -1, 1, 1) * torch.rsqrt(
            var.view(1, -1, 1, var.shape[-1] if var.dim() > 1 else 1) + self.eps
        )
        return (x - mean.view(1, -1, 1, mean.shape[-1] if mean.dim() > 1 else 1)) * scale + self.bias.view(1, -1, 1, 1)


class OverRowsAlone(ByHand):
    """Pools over N and H, and leaves W."""

    axes = (0, 2)


class ForwardAlone(Model):
    """Writes its output where nothing is recorded, and moves the statistics of its inner layer, whose counter it leaves."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out, bn = torch.empty_like(x), self.bn
        with torch.no_grad():
            n = x.numel() // x.shape[1]
            mean, var = bn.running_mean, bn.running_var
            if self.training:
                if n == 1:
                    raise ValueError("one value a channel")
                var, mean = torch.var_mean(x, (0, 2, 3), unbiased=False)
                bn.running_mean.mul_(0.9).add_(mean, alpha=0.1)
                bn.running_var.mul_(0.9).add_(var, alpha=0.1 * n / (n - 1))
            scale = bn.weight * torch.rsqrt(var + bn.eps)
            out.copy_(x * scale.view(1, -1, 1, 1) + (bn.bias - mean * scale).view(1, -1, 1, 1))
        return out


class OfItsOwnSize(Model):
    def __init__(self, num_features: int) -> None:
        if num_features != features:
            raise ValueError(f"this kernel has {features} channels")
        super().__init__(num_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(x) * 1.0


class OnAnAccelerator(Model):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("0 active drivers ([]). There should only be one.")


class OutOfOrder(Model):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise KeyError("block size")


def get_inputs() -> list[Any]:
    return [torch.rand(batch_size, features, height, width)]


def get_init_inputs() -> list[Any]:
    return [features]
