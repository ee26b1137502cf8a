"""torch_xla on PJRT_DEVICE=CPU: BatchNorm1d averages the biased variance, gives NaN for equal values, has no way back in eval,
and saves old statistics.

torch's own layer averages the variance with n - 1 below; on the device xla the same layer divides by n. Equal values have
variance 0 and give the bias, here 0. The gradient of an evaluation is weight / sqrt(running_var + eps) times the upstream one.
What is saved after a training step is what an evaluation reads, however the statistics lie. The exit status is 1 while any is
otherwise.
"""

import math
import sys

import torch
import torch_xla

print("torch", torch.__version__, "torch_xla", torch_xla.__version__)
x = torch.tensor([[0.0], [1.0], [2.0], [5.0]])
variances, outputs = [], []
for device in ("cpu", "xla"):
    layer = torch.nn.BatchNorm1d(1, momentum=1.0, device=device)
    layer(x.to(device))
    variances.append(layer.running_var.item())
    outputs.append(layer(torch.full((3, 1), 40.0).to(device)).cpu().flatten().tolist())
print(f"running variance with momentum 1: {variances[0]} on the CPU, {variances[1]} on xla, expected {14 / 3}")
print(f"three values of 40: {outputs[0]} on the CPU, {outputs[1]} on xla, expected zeros")
layer, batch = torch.nn.BatchNorm1d(1, device="xla").eval(), x.to("xla").requires_grad_()
refused = ""
try:
    torch.autograd.grad(layer(batch).sum(), batch)
except RuntimeError as error:
    refused = str(error)
print(f"going back through an evaluation on xla raises: {refused or 'nothing'}")
layer = torch.nn.BatchNorm1d(1, momentum=1.0, device="xla")
layer.running_mean.data = torch.zeros(2, device="xla")[::2]
layer(x.to("xla"))
saved, read = layer.state_dict()["running_mean"].item(), layer.running_mean.item()
print(f"a running mean in every second place of a memory is {read} after a step, and saved as {saved}, expected 2.0")
sys.exit(abs(variances[1] - 14 / 3) > 1e-5 or any(math.isnan(value) for value in outputs[1]) or bool(refused) or saved != read)
