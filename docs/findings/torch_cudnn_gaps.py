"""torch on CUDA: with cuDNN, running statistics that are not contiguous keep what they were, whatever is trained on.

The exit status is 1 while they do. It needs a CUDA device.
"""

import sys

import torch

x = torch.tensor([[[1.0, 2.0], [3.0, 5.0]], [[0.0, 1.0], [7.0, 4.0]]], device="cuda")
layer = torch.nn.BatchNorm1d(2, device="cuda")
layer.running_mean = torch.zeros(4, device="cuda")[::2]
layer.running_var = torch.ones(4, device="cuda")[::2]
layer(x)
expected_mean, expected_var = [0.1, 0.475], [0.9 + 0.1 * 2 / 3, 0.9 + 0.1 * 8.75 / 3]
print("torch", torch.__version__, "cuDNN", torch.backends.cudnn.version(), torch.cuda.get_device_name())
print("running_mean", layer.running_mean.tolist(), "expected", expected_mean)
print("running_var", layer.running_var.tolist(), "expected", expected_var)
sys.exit(layer.running_mean.tolist() == [0.0, 0.0] and layer.running_var.tolist() == [1.0, 1.0])
