"""Task 33 of robust-kbench's copy of KernelBench: outputs of two calls, and gradients, of five seeded batches, at 1e-5.

https://github.com/SakanaAI/robust-kbench/blob/078f5bab29934a822268d59a4e707d449abf9b4e/tasks/kernelbench/level_1/task_33/func_forward.py
https://github.com/SakanaAI/robust-kbench/blob/078f5bab29934a822268d59a4e707d449abf9b4e/robust_kbench/sandbox/correct_forward_fn.py
https://github.com/SakanaAI/robust-kbench/blob/078f5bab29934a822268d59a4e707d449abf9b4e/robust_kbench/sandbox/correct_backward_fn.py

Theirs: a fresh layer of 64 channels in training for each of five normal batches of (16, 64, 256, 256), float32, called
twice without gradients; both outputs within an absolute and relative tolerance of 1e-5. It has no backward task of
batch norm: gradients of x, weight and bias for a normal upstream gradient are held to the same as its harness does it
for layer norm, with normal parameters.
Here: BatchNorm1d, and for a CPU 256 positions instead of 65,536, forth in the last batch 2,080, back 16.
"""

import torch

TRIALS, SEED = 5, 42
ROWS, CHANNELS = 16, 64
POSITIONS, POSITIONS_BACK = (256, 256, 256, 256, 2080), 16
TOLERANCE = 1e-5


def seeds() -> list[int]:
    torch.manual_seed(SEED)
    return torch.randint(0, 2**32 - 1, (TRIALS,)).tolist()


def close(expected: torch.Tensor, actual: torch.Tensor) -> bool:
    return torch.allclose(expected, actual, atol=TOLERANCE, rtol=TOLERANCE)


def test_outputs_of_two_calls_are_close() -> None:
    for seed, positions in zip(seeds(), POSITIONS, strict=True):
        torch.manual_seed(seed)
        x = torch.randn(ROWS, CHANNELS, positions)
        layer = torch.nn.BatchNorm1d(CHANNELS, eps=1e-5, momentum=0.1)
        with torch.no_grad():
            first = layer(x)
            expected = torch.native_batch_norm(x, None, None, None, None, True, 0.1, 1e-5)[0]
            second = layer(x)
        assert close(expected, first)
        assert close(expected, second)


def test_gradients_are_close() -> None:
    for seed in seeds():
        torch.manual_seed(seed)
        x, upstream = torch.randn(2, ROWS, CHANNELS, POSITIONS_BACK).unbind()
        weight, bias = torch.randn(2, CHANNELS).unbind()
        expected = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
        torch.native_batch_norm(*expected, None, None, True, 0.1, 1e-5)[0].backward(upstream)

        layer = torch.nn.BatchNorm1d(CHANNELS, eps=1e-5, momentum=0.1)
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
        x.requires_grad_()
        layer(x).backward(upstream)

        for theirs, ours in zip(expected, (x, layer.weight, layer.bias), strict=True):
            assert ours.grad is not None
            assert ours.grad.shape == theirs.grad.shape
            assert close(theirs.grad, ours.grad)
