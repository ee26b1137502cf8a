"""Functionals in a file of their own, which a script can import."""

import numpy as np

from bn_reference import Functional

# What the documents show: at most 25 lines.


class Worked(Functional):
    name = "batch norm in NumPy"
    dtypes = ("float32", "float64")
    dimensions = (2,)
    affine = (True,)

    def forward(self, x, weight, bias, mean, var, training, eps, momentum):  # type: ignore[no-untyped-def]
        m, v = (x.mean(0), x.var(0)) if training or mean is None else (mean, var)
        if training and mean is not None:
            unbiased = v * (len(x) / (len(x) - 1))
            mean, var = mean + momentum * (m - mean), var + momentum * (unbiased - var)
        return (x - m) / np.sqrt(v + eps) * weight + bias, mean, var

    def backward(self, grad_y, x, weight, bias, mean, var, training, eps, momentum):  # type: ignore[no-untyped-def]
        m, v = (x.mean(0), x.var(0)) if training or mean is None else (mean, var)
        x_hat, g = (x - m) / np.sqrt(v + eps), grad_y * weight
        if training or mean is None:
            g = g - g.mean(0) - x_hat * (g * x_hat).mean(0)
        return g / np.sqrt(v + eps), (grad_y * x_hat).sum(0), grad_y.sum(0)


class Scribbles(Worked):
    """Scales the weight that it is handed, in place."""

    def forward(self, x, weight, *rest):  # type: ignore[no-untyped-def]
        y = super().forward(x, weight, *rest)
        weight *= 2
        return y


class MovesInPlace(Worked):
    """Writes the new statistics over the old ones, as torch does."""

    def forward(self, x, weight, bias, mean, var, *rest):  # type: ignore[no-untyped-def]
        y, moved_mean, moved_var = super().forward(x, weight, bias, mean, var, *rest)
        if mean is not None:
            mean[:], var[:] = moved_mean, moved_var
        return y, mean, var


class MovesWhatIsFed(MovesInPlace):
    writes_statistics = False
