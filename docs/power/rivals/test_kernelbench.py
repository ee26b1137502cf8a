"""Level 1, problem 33 of KernelBench, as its evaluation looks at it: the output alone, of five seeded batches, at 1e-4.

https://github.com/ScalingIntelligence/KernelBench/blob/423217d9fda91e0c2d67e4a43bf62f96f6d104f1/KernelBench/level1/33_BatchNorm.py
https://github.com/ScalingIntelligence/KernelBench/blob/423217d9fda91e0c2d67e4a43bf62f96f6d104f1/src/kernelbench/eval.py

Theirs: a fresh BatchNorm2d(64) in training, without gradients; uniform batches of (64, 64, 512, 512), float32, all five
by the same layer; the same shape, and then an absolute and relative tolerance of 1e-4 (1e-2 until November 2025).
Here: BatchNorm1d, and for a CPU 64 positions instead of 262,144, in the last batch 520.
"""

import torch

TRIALS, SEED = 5, 42
ROWS, CHANNELS, POSITIONS = 64, 64, (64, 64, 64, 64, 520)
TOLERANCE = 1e-4


def test_outputs_of_five_seeded_batches_are_close() -> None:
    torch.manual_seed(SEED)
    seeds = torch.randint(0, 2**32 - 1, (TRIALS,)).tolist()
    layer = torch.nn.BatchNorm1d(CHANNELS)

    for seed, positions in zip(seeds, POSITIONS, strict=True):
        torch.manual_seed(seed)
        x = torch.rand(ROWS, CHANNELS, positions)
        with torch.no_grad():
            expected = torch.native_batch_norm(x, None, None, None, None, True, 0.1, 1e-5)[0]
            y = layer(x)
        assert y.shape == expected.shape
        assert torch.allclose(expected, y, atol=TOLERANCE, rtol=TOLERANCE)
