"""torch on CUDA: the mean of a float16 batch (N, C) that is not contiguous is rounded to float16, also where float32 keeps it.

The exit status is 1 while it is. It needs a CUDA device.
"""

import sys

import torch

print("torch", torch.__version__, torch.cuda.get_device_name())
wrong = False
for samples, channels in ((3, 1), (3, 8), (96, 64), (3072, 64)):
    x = torch.zeros(samples, 2 * channels, dtype=torch.float16, device="cuda")[:, ::2]
    x[: samples // 3] = 1  # the mean is 1/3
    seen = {}
    for name, batch in (("strided", x), ("contiguous", x.contiguous())):
        layer = torch.nn.BatchNorm1d(channels, momentum=1.0, device="cuda")  # parameters and statistics in float32
        layer(batch)
        seen[name] = layer.running_mean[0].item()
    wrong = wrong or abs(seen["strided"] - 1 / 3) > 1e-6
    print((samples, channels), seen, "expected 0.333333333333333333333333333333")
sys.exit(wrong)
