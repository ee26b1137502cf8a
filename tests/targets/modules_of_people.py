"""Torch modules as people write them: right ones, by torch's convention, and wrong ones of the same forms."""

import torch
from torch import nn


def require_several(x: torch.Tensor) -> None:
    if x.numel() == x.shape[1]:
        raise ValueError("more than one value a channel is needed in training")


class Renamed(nn.Module):
    """Right: (N, C) alone, gamma and beta, statistics written in place."""

    unbiased = True

    def __init__(self, dim: int, epsilon: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.epsilon, self.momentum = epsilon, momentum
        self.gamma, self.beta = nn.Parameter(torch.ones(dim)), nn.Parameter(torch.zeros(dim))
        self.register_buffer("moving_mean", torch.zeros(dim))
        self.register_buffer("moving_var", torch.ones(dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() != 2:
            raise ValueError("(N, C) alone")
        mean, var = self.moving_mean, self.moving_var
        if self.training:
            require_several(x)
            mean, var = x.mean(0), x.var(0, unbiased=False)
            self.moving_mean.lerp_(mean.detach(), self.momentum)
            self.moving_var.lerp_(x.detach().var(0, unbiased=self.unbiased), self.momentum)
        return (x - mean) / torch.sqrt(var + self.epsilon) * self.gamma + self.beta


class Biased(Renamed):
    """Wrong: the running variance is the biased one."""

    unbiased = False


class WithoutEps(Renamed):
    """Wrong: eps is left out of what it computes in training."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.epsilon = 0.0 if self.training else self.epsilon
        return super().forward(x)


class Textbook(nn.Module):
    """Right: trains while gradients are recorded; plain tensors that are replaced; eps and momentum written in the call."""

    def __init__(self, num_features: int, num_dims: int) -> None:
        super().__init__()
        shape = (1, num_features) if num_dims == 2 else (1, num_features, 1, 1)
        self.gamma, self.beta = nn.Parameter(torch.ones(shape)), nn.Parameter(torch.zeros(shape))
        self.moving_mean, self.moving_var = torch.zeros(shape), torch.ones(shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, self.moving_mean, self.moving_var = textbook(x, self.gamma, self.beta, self.moving_mean, self.moving_var, 1e-3, 0.25)
        return y


def textbook(
    x: torch.Tensor,
    gamma: torch.Tensor,
    beta: torch.Tensor,
    mean: torch.Tensor,
    var: torch.Tensor,
    eps: float,
    momentum: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    if not torch.is_grad_enabled():
        return gamma * (x - mean) / torch.sqrt(var + eps) + beta, mean, var
    assert len(x.shape) in (2, 4)
    require_several(x)
    axes = (0,) if len(x.shape) == 2 else (0, 2, 3)
    n = x.numel() / x.shape[1]
    of_batch = x.mean(dim=axes, keepdim=True)
    spread = ((x - of_batch) ** 2).mean(dim=axes, keepdim=True)
    mean = (1.0 - momentum) * mean + momentum * of_batch
    var = (1.0 - momentum) * var + momentum * spread * n / (n - 1)
    return gamma * (x - of_batch) / torch.sqrt(spread + eps) + beta, mean.data, var.data


class Inside(nn.Module):
    """Right: torch's layer one level down, of images."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.norm(x)
        return y


class Doubled(Inside):
    """Wrong: twice what the layer inside gives."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


class LastAxis(nn.Module):
    """Right: channels last."""

    def __init__(self, features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(features, eps, momentum)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.bn(x.reshape(-1, x.shape[-1]))
        return y.reshape(x.shape)


class WeightsTheOld(nn.BatchNorm1d):
    """Right: its momentum weights the old value; float32 alone."""

    def __init__(self, size: int, decay: float = 0.9) -> None:
        super().__init__(size, momentum=1.0 - decay)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dtype != torch.float32:
            raise TypeError("float32 alone")
        return super().forward(x)


class Eights(nn.BatchNorm1d):
    """Right: channels in eights, contiguous memory alone."""

    def __init__(self, n: int, eps: float = 1e-5) -> None:
        if n % 8:
            raise ValueError("channels in eights")
        super().__init__(n, eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.is_contiguous()
        return super().forward(x)


class EightsShifted(Eights):
    """Wrong: the eighth channel is left as it is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where((torch.arange(x.shape[1]) % 8 == 7).reshape(-1, *[1] * (x.dim() - 2)), x, super().forward(x))


class BatchAlone(nn.Module):
    """Right: no parameters, no statistics."""

    def __init__(self, n: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        axes = (0,) if x.dim() == 2 else (0, 2)
        require_several(x)
        var, mean = torch.var_mean(x, dim=axes, keepdim=True, unbiased=False)
        return (x - mean) / torch.sqrt(var + self.eps)


class NoGradientsInEval(Renamed):
    """Right: nothing is recorded in eval."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):
            return super().forward(x)


class Named2d(nn.Module):
    """Right: the whole constructor of torch's layer, names of its own, (N, C, H, W) alone."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: object = None,
        dtype: object = None,
    ) -> None:
        super().__init__()
        own = nn.BatchNorm2d(num_features, eps, momentum, affine, track_running_stats, device, dtype)  # type: ignore[arg-type]
        self.eps, self.momentum, self.scale, self.shift = eps, momentum, own.weight, own.bias
        for name, buffer in (("ema_mean", own.running_mean), ("ema_var", own.running_var), ("num_batches_tracked", None)):
            self.register_buffer(name, buffer)
        self.num_batches_tracked = own.num_batches_tracked

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() != 4:
            raise ValueError("expected a 4-d input")
        factor = self.momentum
        if self.training and self.ema_mean is not None:
            self.num_batches_tracked.add_(1)
            factor = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        of_batch = self.training or self.ema_mean is None
        return nn.functional.batch_norm(
            x, self.ema_mean, self.ema_var, self.scale, self.shift, of_batch, factor or 0.0, self.eps
        )


class Block(nn.Module):
    """No batch norm alone."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv1d(n, n, 1), nn.BatchNorm1d(n)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.bn(self.conv(x))
        return y


class Conditional(nn.BatchNorm1d):
    """Needs more than a batch."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__(num_features)


class LogScale(nn.Module):
    """Has a weight that is not found."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.log_gamma, self.beta = nn.Parameter(torch.zeros(n)), nn.Parameter(torch.zeros(n))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - x.mean(0)) / torch.sqrt(x.var(0, unbiased=False) + 1e-5) * self.log_gamma.exp() + self.beta
