"""A batch norm whose forward passes are kernels of Triton, one program a channel; TRITON_INTERPRET=1 runs them on the CPU."""

import torch
import triton
import triton.language as tl


@triton.jit
def statistics_kernel(x, mean, var, rows, channels, BLOCK: tl.constexpr):
    """Mean and biased variance of one channel of (rows, channels), in two passes of blocks."""
    channel = tl.program_id(0)
    total = tl.zeros([BLOCK], tl.float32)
    for start in range(0, rows, BLOCK):
        row = start + tl.arange(0, BLOCK)
        total += tl.load(x + row * channels + channel, mask=row < rows, other=0.0)
    average = tl.sum(total) / rows
    squares = tl.zeros([BLOCK], tl.float32)
    for start in range(0, rows, BLOCK):
        row = start + tl.arange(0, BLOCK)
        deviation = tl.where(row < rows, tl.load(x + row * channels + channel, mask=row < rows, other=0.0) - average, 0.0)
        squares += deviation * deviation
    tl.store(mean + channel, average)
    tl.store(var + channel, tl.sum(squares) / rows)


@triton.jit
def normalize_kernel(x, y, mean, var, weight, bias, eps, rows, channels, BLOCK: tl.constexpr):
    """y of one channel."""
    channel = tl.program_id(0)
    average, scale = tl.load(mean + channel), tl.load(weight + channel) / tl.sqrt(tl.load(var + channel) + eps)
    offset = tl.load(bias + channel)
    for start in range(0, rows, BLOCK):
        row = start + tl.arange(0, BLOCK)
        deviation = tl.load(x + row * channels + channel, mask=row < rows, other=0.0) - average
        tl.store(y + row * channels + channel, deviation * scale + offset, mask=row < rows)


class TritonBatchNorm(torch.nn.Module):
    """Batch norm of float32 (N, C), forward alone: what asks for gradients is told so."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = torch.nn.Parameter(torch.ones(num_features), requires_grad=False)
        self.bias = torch.nn.Parameter(torch.zeros(num_features), requires_grad=False)
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.requires_grad and torch.is_grad_enabled():
            raise NotImplementedError("there is no backward pass")
        if x.ndim != 2 or x.dtype != torch.float32:
            raise NotImplementedError("float32 (N, C) alone")
        if x.shape[1] != len(self.weight):  # the kernels would read beyond the statistics
            raise ValueError(f"x has {x.shape[1]} channels, and the layer {len(self.weight)}")
        x = x.contiguous()
        rows, channels = x.shape
        if self.training:
            if rows < 2:
                raise ValueError(f"one value a channel has no variance to train on, and x has shape {tuple(x.shape)}")
            mean, var = torch.empty_like(self.running_mean), torch.empty_like(self.running_var)
            statistics_kernel[(channels,)](x, mean, var, rows, channels, BLOCK=64)
            self.running_mean += self.momentum * (mean - self.running_mean)
            self.running_var += self.momentum * (var * rows / (rows - 1) - self.running_var)
        else:
            mean, var = self.running_mean, self.running_var
        y = torch.empty_like(x)
        normalize_kernel[(channels,)](x, y, mean, var, self.weight, self.bias, self.eps, rows, channels, BLOCK=64)
        return y
