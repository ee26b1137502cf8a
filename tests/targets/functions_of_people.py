"""Functions as people write them, in every family that is recognized: right ones, and wrong ones beside them."""

from typing import Any

import numpy as np
import torch

# a dictionary that keeps the state, and a backward pass beside it


def course_forward(x: Any, gamma: Any, beta: Any, bn_param: dict[str, Any]) -> Any:
    eps, keep = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    mean, var = bn_param["running_mean"], bn_param["running_var"]
    if bn_param["mode"] == "test":
        return gamma * (x - mean) / np.sqrt(var + eps) + beta, None
    if bn_param["mode"] != "train":
        raise ValueError(f"mode {bn_param['mode']!r}")
    rows, mu, v = len(x), x.mean(axis=0), x.var(axis=0)
    bn_param["running_mean"] = keep * mean + (1 - keep) * mu
    bn_param["running_var"] = keep * var + (1 - keep) * v * (rows / max(rows - 1, 1))
    x_hat = (x - mu) / np.sqrt(v + eps)
    return gamma * x_hat + beta, (x_hat, gamma / np.sqrt(v + eps))


def course_backward(dout: Any, cache: Any) -> Any:
    x_hat, scale = cache
    dx = scale * (dout - dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def course_backward_alt(dout: Any, cache: Any) -> Any:
    raise RuntimeError("this is another exercise")


def hasty_forward(x: Any, gamma: Any, beta: Any, bn_param: dict[str, Any]) -> Any:
    return course_forward(x, gamma, beta, bn_param)


def hasty_backward(dout: Any, cache: Any) -> Any:
    """Forgets the term of the variance."""
    x_hat, scale = cache
    return scale * (dout - dout.mean(axis=0)), (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def broken_forward(x: Any, gamma: Any, beta: Any, bn_param: dict[str, Any]) -> Any:
    return course_forward(x, gamma, beta, bn_param)


def broken_backward(dout: Any, cache: Any) -> Any:
    raise KeyError("x_hat")


class OnTensors:
    """Static methods, on tensors."""

    @staticmethod
    def forward(x: Any, gamma: Any, beta: Any, bn_param: dict[str, Any]) -> Any:
        keep, eps, mean, var = (bn_param[name] for name in ("momentum", "eps", "running_mean", "running_var"))
        if bn_param["mode"] == "train":
            mu, v = x.mean(0), x.var(0, unbiased=False)
            bn_param["running_mean"] = keep * mean + (1 - keep) * mu
            bn_param["running_var"] = keep * var + (1 - keep) * x.var(0, unbiased=len(x) > 1)
            x_hat = (x - mu) / torch.sqrt(v + eps)
            return gamma * x_hat + beta, (x_hat, gamma / torch.sqrt(v + eps))
        return gamma * (x - mean) / torch.sqrt(var + eps) + beta, None

    @staticmethod
    def backward(dout: Any, cache: Any) -> Any:
        x_hat, scale = cache
        dx = scale * (dout - dout.mean(0) - x_hat * (dout * x_hat).mean(0))
        return dx, (dout * x_hat).sum(0), dout.sum(0)


# torch's order of arguments


def in_place(
    input: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool, momentum: float, eps: float
) -> Any:
    axes, shape = [0, *range(2, input.dim())], [1, -1, *(1,) * (input.dim() - 2)]
    mean, var = running_mean, running_var
    if training:
        if input.numel() == input.shape[1]:
            raise ValueError("one value a channel")
        mean, var = input.mean(axes), input.var(axes, unbiased=False)
        with torch.no_grad():
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(input.var(axes, unbiased=True), momentum)
    return (input - mean.view(shape)) / torch.sqrt(var.view(shape) + eps) * weight.view(shape) + bias.view(shape)


def attached(
    x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool, momentum: float, eps: float
) -> Any:
    """The statistics stay part of what is recorded."""
    if not training:
        return (x - running_mean) / torch.sqrt(running_var + eps) * weight + bias
    mean, var = x.mean(0), x.var(0, unbiased=False)
    running_mean.mul_(1 - momentum).add_(momentum * mean)
    running_var.mul_(1 - momentum).add_(momentum * x.var(0))
    return (x - mean) / torch.sqrt(var + eps) * weight + bias


def lost(
    x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool, momentum: float, eps: float
) -> Any:
    """The new statistics are local names."""
    mean, var = running_mean, running_var
    if training:
        mean, var = np.mean(x, axis=0), np.var(x, axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var
    return (x - mean) / np.sqrt(var + eps) * weight + bias


# statistics that are returned; the mode is whether gradients are recorded


def by_recording(X: Any, gamma: Any, beta: Any, moving_mean: Any, moving_var: Any, eps: float, momentum: float) -> Any:
    if not torch.is_grad_enabled():
        return gamma * (X - moving_mean) / torch.sqrt(moving_var + eps) + beta, moving_mean, moving_var
    assert X.dim() in (2, 4)
    axes = 0 if X.dim() == 2 else (0, 2, 3)
    mean = X.mean(axes, keepdim=X.dim() == 4)
    var = ((X - mean) ** 2).mean(axes, keepdim=X.dim() == 4)
    rows = X.numel() // X.shape[1]
    moving_mean = momentum * moving_mean + (1.0 - momentum) * mean
    moving_var = momentum * moving_var + (1.0 - momentum) * var * rows / max(rows - 1, 1)
    return gamma * (X - mean) / torch.sqrt(var + eps) + beta, moving_mean.data, moving_var.data


# channels last, everything returned


def channels_last(
    x: Any, scale: Any, offset: Any, mean: Any, var: Any, train: bool, decay: float = 0.99, eps: float = 1e-3
) -> Any:
    if not train:
        return (x - mean) / np.sqrt(var + eps) * scale + offset, mean, var
    axes, rows = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
    m, v = x.mean(axes), x.var(axes)
    moved = decay * mean + (1 - decay) * m, decay * var + (1 - decay) * v * (rows / max(rows - 1, 1))
    return (x - m) / np.sqrt(v + eps) * scale + offset, *moved


# one half of it alone


def training_alone(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    return gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + eps) + beta


def over_everything(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    """One mean and variance of all channels."""
    return gamma * (x - np.mean(x)) / np.sqrt(np.var(x) + eps) + beta


def inference_alone(x: Any, mean: Any, var: Any, gamma: Any, beta: Any) -> Any:
    return gamma * (x - mean) / np.sqrt(var + 2e-3) + beta


def deviation(x: Any, mean: Any, var: Any, gamma: Any, beta: Any, eps: float) -> Any:
    """Takes the variance for the deviation."""
    return gamma * (x - mean) / (var + eps) + beta


def fixed(x: Any, gamma: Any, beta: Any, running_mean: Any, running_var: Any, is_training: bool) -> Any:
    """eps and momentum are its own."""
    if not is_training:
        return gamma * (x - running_mean) / np.sqrt(running_var + 1e-4) + beta, running_mean, running_var
    m, v, rows = x.mean(0), x.var(0), len(x)
    moved = 0.8 * running_mean + 0.2 * m, 0.8 * running_var + 0.2 * v * (rows / max(rows - 1, 1))
    return gamma * (x - m) / np.sqrt(v + 1e-4) + beta, *moved


def in_eights(x: Any, gamma: Any, beta: Any, eps: float) -> Any:
    if x.shape[1] % 8:
        raise ValueError("channels must be a multiple of 8")
    return training_alone(x, gamma, beta, eps)


class Recorded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, gamma: Any, beta: Any, eps: float) -> Any:
        rstd = torch.rsqrt(x.var(0, unbiased=False) + eps)
        x_hat = (x - x.mean(0)) * rstd
        ctx.save_for_backward(x_hat, gamma * rstd)
        return x_hat * gamma + beta

    @staticmethod
    def backward(ctx: Any, dy: Any) -> Any:
        x_hat, scale = ctx.saved_tensors
        dx = scale * (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0))
        return dx, (dy * x_hat).sum(0), dy.sum(0), None


class RecordedAnew(torch.autograd.Function):
    """Its context is set up beside it."""

    @staticmethod
    def forward(x: Any, gamma: Any, beta: Any, eps: float) -> Any:
        return (x - x.mean(0)) * torch.rsqrt(x.var(0, unbiased=False) + eps) * gamma + beta

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, gamma, _, ctx.eps = inputs
        ctx.save_for_backward(x, gamma)

    @staticmethod
    def backward(ctx: Any, dy: Any) -> Any:
        x, gamma = ctx.saved_tensors
        rstd = torch.rsqrt(x.var(0, unbiased=False) + ctx.eps)
        x_hat = (x - x.mean(0)) * rstd
        dx = gamma * rstd * (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0))
        return dx, (dy * x_hat).sum(0), dy.sum(0), None


@torch.library.custom_op("bn_reference_tests::normalized", mutates_args=())
def operator(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float) -> torch.Tensor:
    """Without a formula for its gradients."""
    return (x - x.mean(0)) * torch.rsqrt(x.var(0, unbiased=False) + eps) * weight + bias


# wrappers, and what is no batch norm


def wrapper(
    x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool, momentum: float, eps: float
) -> Any:
    return torch.nn.functional.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)


def half_a_wrapper(
    x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool, momentum: float, eps: float
) -> Any:
    return torch.nn.functional.batch_norm(x, running_mean, running_var, None, None, training, momentum, eps) * weight + bias


def for_another_machine(x: Any, gamma: Any, beta: Any, eps: float) -> Any:
    raise RuntimeError("no accelerator is found")


def without_eps(x: Any, mean: Any, var: Any, gamma: Any, beta: Any) -> Any:
    return gamma * (x - mean) / np.sqrt(var) + beta


def with_more(x: Any, gamma: Any, beta: Any, groups: int, eps: float) -> Any:
    return training_alone(x, gamma, beta, eps)


def weight_alone(x: Any, gamma: Any, eps: float) -> Any:
    return training_alone(x, gamma, 0.0, eps)


def channels_first(
    z: Any,
    gamma: Any,
    beta: Any,
    running_mean: Any,
    running_var: Any,
    training: bool = True,
    momentum: float = 0.9,
    eps: float = 1e-5,
) -> Any:
    """Right: (C, N) with vectors (C, 1), a column a sample."""
    mean, var, m = running_mean, running_var, z.shape[1]
    if training:
        if m == 1:
            raise ValueError("more than one value a channel is needed in training")
        mean, var = z.mean(axis=1, keepdims=True), z.var(axis=1, keepdims=True)
        running_mean[...] = momentum * running_mean + (1 - momentum) * mean
        running_var[...] = momentum * running_var + (1 - momentum) * (var * m / (m - 1))
    return gamma * (z - mean) / np.sqrt(var + eps) + beta
