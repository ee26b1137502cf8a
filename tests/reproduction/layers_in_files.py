"""Sources of layers that are right but for what is put into them, and scripts that are run on them."""

import runpy
from pathlib import Path

TORCH = """
import math
import torch

class Layer(torch.nn.BatchNorm1d):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        {built}

    def forward(self, x):
        {before}
        y = super().forward(x)
        {after}
        return y
"""
NUMPY = """
import bn_reference

class Layer(bn_reference.BatchNorm1d):
    def __call__(self, x):
        y = super().__call__(x)
        {after}
        return y

    def backward(self, grad_y):
        grad_x, grad_weight, grad_bias = super().backward(grad_y)
        return {gradients}
"""


def torch_layer(*, built: str = "pass", before: str = "pass", after: str = "pass") -> str:
    """Torch's, with a statement where it is built, before it computes and after."""
    return TORCH.format(built=built, before=before, after=after)


def numpy_layer(*, after: str = "pass", gradients: str = "grad_x, grad_weight, grad_bias") -> str:
    """NumPy's, with a statement after it has computed, and what its way back returns."""
    return NUMPY.format(after=after, gradients=gradients)


def fails_here(script: str, folder: Path) -> bool:
    """Whether the script's assertion fails in this process, which has loaded torch already."""
    file = folder / "again.py"
    file.write_text(script, encoding="utf-8")
    try:
        runpy.run_path(str(file), run_name="__main__")
    except AssertionError:
        return True
    return False
