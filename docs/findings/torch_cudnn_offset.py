"""torch on CUDA: cuDNN batch norm fails on a float16 tensor that begins 6 bytes into its memory, and the context is lost.

The exit status is 1 while it does. It needs a CUDA device.
"""

import sys

import torch

memory = torch.randn(3 + 4 * 4 * 8, dtype=torch.float16, device="cuda")
x = memory[3:].view(4, 4, 8)
layer = torch.nn.BatchNorm1d(4, device="cuda")  # parameters in float32
print("torch", torch.__version__, "cuDNN", torch.backends.cudnn.version(), torch.cuda.get_device_name())
failed = []
for name, use in (
    ("forward", lambda: layer(x).sum().item()),
    ("a tensor of its own, afterwards", lambda: torch.ones(2, device="cuda").sum().item()),
):
    try:
        print(name, use())
    except RuntimeError as error:
        failed.append(name)
        print(name, "raised", type(error).__name__, str(error).splitlines()[0])
sys.exit(bool(failed))
