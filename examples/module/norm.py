"""A batch norm as a module of torch: some of the constructor's arguments, names of its own, (N, C) and (N, C, L)."""

import torch


class ChannelNorm(torch.nn.Module):
    """Normalizes each channel of a batch, and keeps running averages for evaluation."""

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = torch.nn.Parameter(torch.ones(channels))
        self.beta = torch.nn.Parameter(torch.zeros(channels))
        self.register_buffer("moving_mean", torch.zeros(channels))
        self.register_buffer("moving_var", torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = [axis for axis in range(x.ndim) if axis != 1]
        if self.training:
            mean, var = x.mean(rows), x.var(rows, unbiased=False)
            count = x.numel() // x.shape[1]
            if count < 2:
                raise ValueError(f"one value a channel has no variance to train on, and x has shape {tuple(x.shape)}")
            with torch.no_grad():
                self.moving_mean.lerp_(mean, self.momentum)
                self.moving_var.lerp_(var * (count / (count - 1)), self.momentum)
        else:
            mean, var = self.moving_mean, self.moving_var
        channel = (1, -1) + (1,) * (x.ndim - 2)
        x_hat = (x - mean.reshape(channel)) / torch.sqrt(var.reshape(channel) + self.eps)
        return self.gamma.reshape(channel) * x_hat + self.beta.reshape(channel)
