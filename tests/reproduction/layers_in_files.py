"""Sources of layers that are right but for what is put into them; a target's file holds one."""

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
