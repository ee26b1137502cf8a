"""Torch modules of kinds that were met in public code: right ones by their own conventions, wrong ones of the same kinds."""

from typing import Any

import torch
from torch import nn


class Frozen(nn.Module):
    """Right: nothing is trained, and there is no eps but in the code; made for inference alone, of images."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(n))
        self.register_buffer("bias", torch.zeros(n))
        self.register_buffer("running_mean", torch.zeros(n))
        self.register_buffer("running_var", torch.ones(n))

    def forward(self, x: Any) -> Any:
        w, b, mean, var = (getattr(self, name).view(1, -1, 1, 1) for name in ("weight", "bias", "running_mean", "running_var"))
        scale = self.scale(w, var)
        return x * scale + (b - mean * scale)

    def scale(self, w: Any, var: Any) -> Any:
        return w * (var + 1e-3).rsqrt()


class FrozenDeviation(Frozen):
    """Wrong: eps is added to the deviation."""

    def scale(self, w: Any, var: Any) -> Any:
        return w / (var.sqrt() + 1e-3)


class Thawed(Frozen):
    """Wrong: its parameters are trained, but training, too, normalizes with running statistics that never move."""

    def __init__(self, n: int, eps: float = 1e-3) -> None:
        super().__init__(n)
        self.eps = eps
        del self.weight, self.bias
        self.weight, self.bias = nn.Parameter(torch.ones(n)), nn.Parameter(torch.zeros(n))


class WithDeterminant(nn.Module):
    """Right: a layer of a flow, which gives the logarithm of its determinant as well; its parameters have two names each."""

    def __init__(self, n: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.inner = nn.BatchNorm1d(n, momentum=momentum)
        self.weight, self.bias = self.inner.weight, self.inner.bias

    def forward(self, x: Any) -> Any:
        y = self.inner(x)
        return y, torch.log(self.weight.abs()).sum()


class ShiftedWithDeterminant(WithDeterminant):
    """Wrong: the output is shifted."""

    def forward(self, x: Any) -> Any:
        y, determinant = super().forward(x)
        return y + 1, determinant


class InAList(nn.Module):
    """Wrong: its output is in a list."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(n)

    def forward(self, x: Any) -> Any:
        return [self.bn(x)]


class Scripted(torch.jit.ScriptModule):
    """Right: a module that torch compiles as it is constructed, and keeps what it has elsewhere than in itself."""

    def __init__(self, n: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(n)), nn.Parameter(torch.zeros(n))
        self.register_buffer("ema_mean", torch.zeros(n))
        self.register_buffer("ema_var", torch.ones(n))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean, var = self.ema_mean, self.ema_var
        if self.training:
            mean, var = x.mean(0), x.var(0, unbiased=False)
            self.ema_mean += 0.25 * (mean.detach() - self.ema_mean)
            self.ema_var += 0.25 * (var.detach() - self.ema_var)
        return (x - mean) / torch.sqrt(var + self.eps) * self.gamma + self.beta


class ScriptedUnbiased(torch.jit.ScriptModule):
    """Wrong: training normalizes with the unbiased variance."""

    def __init__(self, n: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(n)), nn.Parameter(torch.zeros(n))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - x.mean(0)) / torch.sqrt(x.var(0) + self.eps) * self.gamma + self.beta


class PassedOn(nn.Module):
    """Right: a layer for images, which hands all of its arguments on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.inner = nn.BatchNorm2d(*args, **kwargs)

    def forward(self, x: Any) -> Any:
        return self.inner(x)


class PassedOnDoubled(PassedOn):
    """Wrong: the output is doubled."""

    def forward(self, x: Any) -> Any:
        return 2 * super().forward(x)


class Derived(nn.BatchNorm2d):
    """Right: torch's layer for images, whose options are not written out."""

    def __init__(self, num_features: int, **options: Any) -> None:
        super().__init__(num_features, **options)


class Still(nn.BatchNorm2d):
    """Wrong: train() does not make it train."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.training = False

    def train(self, mode: bool = True) -> Any:
        return super().train(False)


class OwnEps(nn.BatchNorm1d):
    """Right: with one option of its own, and the rest as it comes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, eps=1e-3, **kwargs)


class Checked(nn.modules.batchnorm._BatchNorm):
    """Right: a layer for images, as its check of a batch says, not its name."""

    def _check_input_dim(self, input: Any) -> None:
        if input.dim() != 4:
            raise ValueError("four axes are expected")


class OfRows(nn.Module):
    """Right: of (N, C) alone, though it runs on other batches where their lengths happen to fit."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_features))
        self.register_buffer("var", torch.ones(num_features))

    def forward(self, x: Any) -> Any:
        mean, var = self.mean, self.var
        if self.training:
            mean, var = x.mean(0), x.var(0, unbiased=False)
            self.mean, self.var = 0.9 * self.mean + 0.1 * mean.detach(), 0.9 * self.var + 0.1 * var.detach()
        return (x - mean) / (var + 1e-5) ** 0.5


class SplitImages(nn.BatchNorm2d):
    """A layer for images that trains another one for a part of a batch."""

    def __init__(self, num_features: int, **options: Any) -> None:
        super().__init__(num_features, **options)
        self.other = nn.BatchNorm2d(num_features, **options)

    def forward(self, input: Any) -> Any:
        return torch.cat([super().forward(input[:2]), self.other(input[2:])]) if self.training else super().forward(input)


class Split(nn.Module):
    def __init__(self, num_features: int, num_parts: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(num_features)
        self.num_parts = num_parts

    def forward(self, x: Any) -> Any:
        return torch.cat([self.bn(part) for part in x.split(self.num_parts)])


class OfRowsAndImages(nn.Module):
    """Wrong: of images it normalizes each position by itself."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, x: Any) -> Any:
        assert x.dim() in (2, 4)
        return (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5) ** 0.5
