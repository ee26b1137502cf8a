"""A kernel in the form that kernel benchmarks have: a model, the arguments that it is made of, and inputs."""

import torch


class ModelNew(torch.nn.Module):
    """Batch norm of (N, C, H, W), with sums of its own where torch has a kernel."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.bn = torch.nn.BatchNorm2d(num_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bn = self.bn
        if not bn.training:
            mean, var = bn.running_mean, bn.running_var
        else:
            count = x.numel() // x.shape[1]
            if count < 2:
                raise ValueError(f"one value a channel has no variance to train on, and x has shape {tuple(x.shape)}")
            mean = x.sum((0, 2, 3)) / count
            var = (x - mean[None, :, None, None]).square().sum((0, 2, 3)) / count
            with torch.no_grad():
                bn.running_mean += bn.momentum * (mean - bn.running_mean)
                bn.running_var += bn.momentum * (var * count / (count - 1) - bn.running_var)
                bn.num_batches_tracked += 1
        scale = bn.weight / torch.sqrt(var + bn.eps)
        return (x - mean[None, :, None, None]) * scale[None, :, None, None] + bn.bias[None, :, None, None]


def get_init_inputs():
    """The arguments of the model."""
    return [16]


def get_inputs():
    """A batch."""
    return [torch.randn(8, 16, 6, 6)]
