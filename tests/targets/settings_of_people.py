"""Layers told by one object, by a shape or by a batch what they are, and statistics under names of their own."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Settings:
    width: int = 8
    bn_eps: float = 1e-5
    momentum: float = 0.1
    dropout: float = 0.0


class OfSettings(nn.Module):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.weight, self.bias = nn.Parameter(torch.ones(settings.width)), nn.Parameter(torch.zeros(settings.width))
        self.register_buffer("running_mean", torch.zeros(settings.width))
        self.register_buffer("running_var", torch.ones(settings.width))

    def forward(self, x: Any) -> Any:
        kept = self.running_mean, self.running_var, self.weight, self.bias
        return F.batch_norm(x, *kept, self.training, self.settings.momentum, self.settings.bn_eps)


class OfArguments(nn.Module):
    """Reads two names, each in its way, and knows nothing of their class."""

    def __init__(self, args) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.inner = nn.BatchNorm1d(args.hidden_size, eps=getattr(args, "epsilon", 1e-5))

    def forward(self, x: Any) -> Any:
        return self.inner(x)


class OfAxis(nn.Module):
    """Is told an axis, and makes what it keeps when it sees a batch."""

    def __init__(self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3) -> None:
        super().__init__()
        self.axis, self.momentum, self.epsilon, self.built = axis, momentum, epsilon, False

    def build(self, channels: int) -> None:
        self.gamma, self.beta = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("moving_mean", torch.zeros(channels))
        self.register_buffer("moving_variance", torch.ones(channels))
        self.built = True

    def forward(self, inputs: Any, training: bool | None = None) -> Any:
        if not self.built:
            self.build(inputs.shape[self.axis])
        mean, var = self.moving_mean, self.moving_variance
        if training:
            axes = tuple(range(inputs.dim() - 1))
            mean, var = inputs.mean(axes), inputs.var(axes, unbiased=False)
            with torch.no_grad():
                self.moving_mean += (1 - self.momentum) * (mean - self.moving_mean)
                self.moving_variance += (1 - self.momentum) * (var - self.moving_variance)
        return (inputs - mean) / (var + self.epsilon).sqrt() * self.gamma + self.beta


class OfShape:
    """Is told the shape of a sample, and then to begin."""

    def __init__(self, momentum: float = 0.75) -> None:
        self.momentum, self.running_mean, self.running_var = momentum, None, None

    def set_input_shape(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def initialize(self, optimizer: Any) -> None:
        self.gamma, self.beta, self.optimizer = np.ones(self.shape), np.zeros(self.shape), optimizer

    def forward_pass(self, X: Any, training: bool = True) -> Any:
        if self.running_mean is None:
            self.running_mean, self.running_var = np.mean(X, axis=0), np.var(X, axis=0)
        mean, var = self.running_mean, self.running_var
        if training:
            mean, var = np.mean(X, axis=0), np.var(X, axis=0)
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        return self.gamma * (X - mean) / np.sqrt(var + 0.01) + self.beta


class Worded:
    """Statistics under names that say what they are in words that nobody listed."""

    mean, var = "avgRunMean", "run_batchless_variance_avg"

    def __init__(self, n_features: int, momentum: float = 0.9) -> None:
        self.momentum, self.scale, self.shift = momentum, np.ones(n_features), np.zeros(n_features)
        setattr(self, self.mean, np.zeros(n_features))
        setattr(self, self.var, np.ones(n_features))

    def forward(self, X: Any, mode: str = "train") -> Any:
        mean, var = getattr(self, self.mean), getattr(self, self.var)
        if mode == "train":
            seen = X.mean(axis=0), X.var(axis=0)
            setattr(self, self.mean, self.momentum * mean + (1 - self.momentum) * seen[0])
            setattr(self, self.var, self.momentum * var + (1 - self.momentum) * seen[1])
            mean, var = seen
        return self.scale * (X - mean) / np.sqrt(var + 1e-5) + self.shift


class Unworded(Worded):
    """Names that say nothing: what moves a part of its way to the batch's mean is the mean."""

    mean, var = "rm", "q"


class OfAverages(nn.Module):
    """Is told with each call whether it is to use its averages, whatever train() and eval() said."""

    def __init__(self, *, features: int, epsilon: float = 1e-5, decay: float = 0.99) -> None:
        super().__init__()
        self.epsilon, self.decay = epsilon, decay
        self.scale, self.bias = nn.Parameter(torch.ones(features)), nn.Parameter(torch.zeros(features))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("var", torch.ones(features))

    def forward(self, x: Any, use_running_average: bool = False) -> Any:
        mean, var = self.mean, self.var
        if not use_running_average:
            mean, var = x.mean(0), x.var(0, unbiased=False)
            with torch.no_grad():
                self.mean.lerp_(mean, 1 - self.decay)
                self.var.lerp_(var, 1 - self.decay)
        return (x - mean) * (var + self.epsilon).rsqrt() * self.scale + self.bias


def of_a_closure(n: int, eps: float = 1e-5, momentum: float = 0.1) -> Any:
    """Keeps what it keeps where nobody sees it, and computes with its momentum."""
    kept, weight = [torch.zeros(n), torch.ones(n)], torch.ones(n)

    def bn(x: Any, training: bool = True) -> Any:
        mean, var = kept
        if training:
            mean, var = x.mean(0), x.var(0, unbiased=False)
            kept[:] = (1 - momentum) * kept[0] + momentum * mean, (1 - momentum) * kept[1] + momentum * var
        return weight * (x - mean) / (var + eps).sqrt()

    return bn
