"""Plain classes as people write them: right ones, by torch's convention, and wrong ones of the same forms."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def require_several(x: Any) -> None:
    if len(x) == 1:
        raise ValueError("more than one row is needed in training")


class Called:
    """Right: on tensors, channels last, told by an attribute, gradients recorded; statistics replaced."""

    def __init__(self, dim: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.eps, self.momentum, self.training = eps, momentum, True
        self.gamma, self.beta = torch.ones(dim), torch.zeros(dim)
        self.running_mean, self.running_var = torch.zeros(dim), torch.ones(dim)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        mean, var = self.running_mean, self.running_var
        if self.training:
            axes = (0,) if x.ndim == 2 else (0, 1)
            if x.numel() == x.shape[-1]:
                raise ValueError("more than one value a channel")
            mean, var = x.mean(axes), self.spread(x, axes)
            with torch.no_grad():
                self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
                self.running_var = (1 - self.momentum) * self.running_var + self.momentum * x.var(axes)
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta

    def spread(self, x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
        return x.var(axes, unbiased=False)

    def parameters(self) -> list[torch.Tensor]:
        return [self.gamma, self.beta]


class Unbiased(Called):
    """Wrong: training normalizes with the unbiased variance."""

    def spread(self, x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
        return x.var(axes)


class Course:
    """Right: on arrays, (1, C) rows, alpha weights the old, told by an argument, gradients in attributes."""

    def __init__(self, num_features: int, alpha: float = 0.9) -> None:
        self.alpha, self.eps = alpha, 1e-8
        self.BW, self.Bb = np.ones((1, num_features)), np.zeros((1, num_features))
        self.dLdBW, self.dLdBb = np.zeros((1, num_features)), np.zeros((1, num_features))
        self.running_M, self.running_V = np.zeros((1, num_features)), np.ones((1, num_features))

    def forward(self, z: Any, eval: bool = False) -> Any:
        if eval:
            return self.BW * (z - self.running_M) / np.sqrt(self.running_V + self.eps) + self.Bb
        require_several(z)
        self.z, n = z, len(z)
        self.mean, self.spread = z.mean(axis=0, keepdims=True), z.var(axis=0, keepdims=True)
        self.running_M = self.alpha * self.running_M + (1 - self.alpha) * self.mean
        self.running_V = self.alpha * self.running_V + (1 - self.alpha) * self.spread * (n / (n - 1))
        self.scaled = (z - self.mean) / np.sqrt(self.spread + self.eps)
        return self.BW * self.scaled + self.Bb

    def backward(self, dLdz: Any) -> Any:
        self.dLdBW = (dLdz * self.scaled).sum(axis=0, keepdims=True)
        self.dLdBb = dLdz.sum(axis=0, keepdims=True)
        d = dLdz * self.BW
        return (d - d.mean(axis=0) - self.scaled * (d * self.scaled).mean(axis=0)) / np.sqrt(self.spread + self.eps)


class CourseOneTerm(Course):
    """Wrong: the backward pass forgets that the mean depends on x."""

    def backward(self, dLdz: Any) -> Any:
        super().backward(dLdz)
        d = dLdz * self.BW
        return (d - self.scaled * (d * self.scaled).mean(axis=0)) / np.sqrt(self.spread + self.eps)


class GivenArrays:
    """Right: given gamma and beta; eps is a number in the code; a tuple comes back; statistics begin with the first batch."""

    eps = None

    def __init__(self, gamma: Any, beta: Any, momentum: float = 0.9, running_mean: Any = None, running_var: Any = None) -> None:
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean, self.running_var = running_mean, running_var

    def forward(self, x: Any, train_flg: bool = True) -> Any:
        if self.running_mean is None:
            self.running_mean, self.running_var = np.zeros(x.shape[1], x.dtype), np.ones(x.shape[1], x.dtype)
        if not train_flg:
            return self.gamma * (x - self.running_mean) / np.sqrt(self.running_var + 10e-7) + self.beta
        require_several(x)
        mean, var, n = x.mean(axis=0), x.var(axis=0), len(x)
        self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean
        self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var * (n / (n - 1))
        self.sigma = np.sqrt(var + 10e-7)
        self.x_hat = (x - mean) / self.sigma
        return self.gamma * self.x_hat + self.beta

    def backward(self, dout: Any) -> Any:
        d = dout * self.gamma
        dx = (d - d.mean(axis=0) - self.x_hat * (d * self.x_hat).mean(axis=0)) / self.sigma
        return dx, (dout * self.x_hat).sum(axis=0), dout.sum(axis=0)


class Lazy:
    """Right: told no number of channels; parameters in a dictionary; gradients added up; told by a word."""

    def __init__(self, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        self.momentum, self.epsilon, self.mode = momentum, epsilon, "train"
        self.parameters: dict[str, Any] = {}
        self.gradients: dict[str, Any] = {}

    def forward(self, x: Any) -> Any:
        if not self.parameters:
            zeros = np.zeros(x.shape[1], x.dtype)
            self.parameters = {"gamma": zeros + 1, "beta": zeros.copy(), "running_mean": zeros.copy(), "running_var": zeros + 1}
            self.gradients = {"gamma": zeros.copy(), "beta": zeros.copy()}
        own = self.parameters
        if self.mode != "train":
            return own["gamma"] * (x - own["running_mean"]) / np.sqrt(own["running_var"] + self.epsilon) + own["beta"]
        require_several(x)
        mean, var, n = x.mean(axis=0), x.var(axis=0), len(x)
        own["running_mean"] = (1 - self.momentum) * own["running_mean"] + self.momentum * mean
        own["running_var"] = (1 - self.momentum) * own["running_var"] + self.momentum * var * (n / (n - 1))
        self.sigma = np.sqrt(var + self.epsilon)
        self.x_hat = (x - mean) / self.sigma
        return own["gamma"] * self.x_hat + own["beta"]

    def backward(self, dout: Any) -> Any:
        self.gradients["gamma"] += (dout * self.x_hat).sum(axis=0)
        self.gradients["beta"] += dout.sum(axis=0)
        d = dout * self.parameters["gamma"]
        return (d - d.mean(axis=0) - self.x_hat * (d * self.x_hat).mean(axis=0)) / self.sigma


class Switched:
    """Right: methods train and eval; forward alone; weights under no name that is known, and none that is trained."""

    def __init__(self, n: int) -> None:
        self.running_mean, self.running_var = np.zeros(n), np.ones(n)
        self.train()

    def train(self) -> None:
        self.trains = True

    def eval(self) -> None:
        self.trains = False

    def forward(self, x: Any) -> Any:
        if not self.trains:
            return (x - self.running_mean) / np.sqrt(self.running_var + 1e-3)
        require_several(x)
        mean, var, n = x.mean(axis=0), x.var(axis=0), len(x)
        self.running_mean += 0.25 * (mean - self.running_mean)
        self.running_var += 0.25 * (var * n / (n - 1) - self.running_var)
        return (x - mean) / np.sqrt(var + 1e-3)


class TrainsAlways:
    """Right where it speaks: there is no telling it to evaluate."""

    def __init__(self, momentum: float, eps: float, num_features: int) -> None:
        self._running_mean, self._running_var, self._momentum, self._eps = 0, 1, momentum, eps
        self._beta, self._gamma = np.zeros(num_features), np.ones(num_features)

    def batch_norm(self, x: Any) -> Any:
        require_several(x)
        mean, var, n = x.mean(axis=0), x.var(axis=0), len(x)
        self._running_mean = (1 - self._momentum) * self._running_mean + self._momentum * mean
        self._running_var = (1 - self._momentum) * self._running_var + self._momentum * var * n / (n - 1)
        return self._gamma * (x - mean) / np.sqrt(var + self._eps) + self._beta


class AroundAModule:
    """Right: a plain class whose numbers lie in a module of torch that it keeps."""

    def __init__(self, features: int) -> None:
        self.core, self.training = nn.BatchNorm1d(features), True

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.core.train(self.training)(x)


class AroundAModuleUnweighted(AroundAModule):
    """Wrong: its weight is not used."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return functional.batch_norm(x, self.core.running_mean, self.core.running_var, None, self.core.bias, self.training)


class Silent:
    """Neither called nor with a method forward."""

    def __init__(self, n: int) -> None:
        self.gamma = np.ones(n)


class LastAxisLazy:
    """Right: whatever the last axis holds are its channels, which it finds out from the first batch; forward is called call."""

    def __init__(self, momentum: float = 0.75, epsilon: float = 1e-3) -> None:
        self.momentum, self.epsilon, self.gamma = momentum, epsilon, None

    def call(self, x: Any, training: bool = True) -> Any:
        channels = x.shape[-1]
        if self.gamma is None:
            self.gamma, self.beta = np.ones(channels), np.zeros(channels)
            self.moving_mean, self.moving_variance = np.zeros(channels), np.ones(channels)
        if not training:
            return self.gamma * (x - self.moving_mean) / np.sqrt(self.moving_variance + self.epsilon) + self.beta
        if x.size == channels:
            raise ValueError("more than one value a channel is needed in training")
        axes, n = tuple(range(x.ndim - 1)), x.size // channels
        mean, var = x.mean(axes), x.var(axes)
        self.moving_mean = self.moving_mean * self.momentum + mean * (1 - self.momentum)
        self.moving_variance = self.moving_variance * self.momentum + var * (n / (n - 1)) * (1 - self.momentum)
        return self.gamma * (x - mean) / np.sqrt(var + self.epsilon) + self.beta


class ByHand:
    """Right: (N, C, L) alone, on tensors, a backward pass by hand in both modes."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.eps, self.momentum, self.is_training = eps, momentum, True
        self.weight, self.bias = torch.ones(1, num_features, 1), torch.zeros(1, num_features, 1)
        self.running_mean, self.running_var = torch.zeros(1, num_features, 1), torch.ones(1, num_features, 1)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        mean, var, n = self.running_mean, self.running_var, x.shape[0] * x.shape[2]
        if self.is_training:
            if n == 1:
                raise ValueError("more than one value a channel is needed in training")
            mean, var = x.mean((0, 2), keepdim=True), x.var((0, 2), keepdim=True, unbiased=False)
            self.running_mean = self.running_mean + self.momentum * (mean - self.running_mean)
            self.running_var = self.running_var + self.momentum * (var * (n / (n - 1)) - self.running_var)
        self.scale = torch.rsqrt(var + self.eps)
        self.x_hat = (x - mean) * self.scale
        return self.weight * self.x_hat + self.bias

    def backward(self, dy: torch.Tensor) -> torch.Tensor:
        self.grad_weight, self.grad_bias = (dy * self.x_hat).sum((0, 2)), dy.sum((0, 2))
        d = dy * self.weight
        if not self.is_training:
            return d * self.scale
        return self.scale * (d - d.mean((0, 2), keepdim=True) - self.x_hat * (d * self.x_hat).mean((0, 2), keepdim=True))


class ChannelsFirst:
    """Right: (C, N), a column a sample, as some courses have it; a backward pass of training alone."""

    def __init__(self, units: int, momentum: float = 0.9, eps: float = 1e-8) -> None:
        self.gamma, self.beta = np.ones((units, 1)), np.zeros((units, 1))
        self.running_mean, self.running_var = np.zeros((units, 1)), np.ones((units, 1))
        self.momentum, self.eps = momentum, eps

    def forward(self, z: Any, training: bool = True) -> Any:
        mean, var, m = self.running_mean, self.running_var, z.shape[1]
        if training:
            if m == 1:
                raise ValueError("more than one value a channel is needed in training")
            mean, var = z.mean(axis=1, keepdims=True), z.var(axis=1, keepdims=True)
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * (var * m / (m - 1))
        self.sigma = np.sqrt(var + self.eps)
        self.z_hat = (z - mean) / self.sigma
        return self.gamma * self.z_hat + self.beta

    def backward(self, dy: Any) -> Any:
        self.dgamma, self.dbeta = (dy * self.z_hat).sum(axis=1, keepdims=True), dy.sum(axis=1, keepdims=True)
        d = dy * self.gamma
        return (d - d.mean(axis=1, keepdims=True) - self.z_hat * (d * self.z_hat).mean(axis=1, keepdims=True)) / self.sigma


class ChannelsFirstUnbiased(ChannelsFirst):
    """Wrong: the unbiased variance normalizes in training."""

    def forward(self, z: Any, training: bool = True) -> Any:
        y = super().forward(z, training)
        if not training:
            return y
        unbiased = z.var(axis=1, keepdims=True, ddof=1)
        return self.gamma * (z - z.mean(axis=1, keepdims=True)) / np.sqrt(unbiased + self.eps) + self.beta


class TwoAxesLazy:
    """Right: (N, C) alone, which it does not say: on three axes it runs, and takes the last one for the channels."""

    def __init__(self, axis: int = -1, momentum: float = 0.75, epsilon: float = 1e-3) -> None:
        self.axis, self.momentum, self.epsilon, self.gamma = axis, momentum, epsilon, None

    def call(self, x: Any, training: bool = True) -> Any:
        if self.gamma is None:
            self.gamma, self.beta = np.ones(x.shape[-1]), np.zeros(x.shape[-1])
            self.moving_mean, self.moving_variance = np.zeros(x.shape[-1]), np.ones(x.shape[-1])
        if not training:
            return self.gamma * (x - self.moving_mean) / np.sqrt(self.moving_variance + self.epsilon) + self.beta
        if len(x) == 1:
            raise ValueError("more than one value a channel is needed in training")
        mean, var, n = x.mean(axis=0), x.var(axis=0), len(x)
        self.moving_mean = self.moving_mean * self.momentum + mean * (1 - self.momentum)
        self.moving_variance = self.moving_variance * self.momentum + var * (n / (n - 1)) * (1 - self.momentum)
        return self.gamma * (x - mean) / np.sqrt(var + self.epsilon) + self.beta
