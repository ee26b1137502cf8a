"""Batch normalization as Ioffe & Szegedy (2015) state it, on an ``(m, C)`` matrix, over any number type.

Each function is a line or two of the paper (arXiv:1502.03167), in its symbols and its order. Nothing here knows an axis
other than the batch, a memory layout, a dtype or an optional argument: those belong to ``layouts``, ``layer`` and ``oracle``.

The number type that flows through decides what comes out: NumPy floats give the value in working precision, double-double
gives it to about 106 bits, ``fractions.Fraction`` exactly, and a running error gives the bound on any honest computation.
A number type has ``shape``, ``sum(axis=0)``, ``+ - * / **`` with itself and with integers, and answers ``numpy.sqrt``.

Symbols: ``x, y, dx, dy: (m, C)``; ``mu, var, sigma, gamma, beta: (C,)``; ``eps`` and ``momentum`` are scalars of the type.
"""

from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "Gradients",
    "SecondGradients",
    "biased_variance",
    "deviation",
    "exponential_average",
    "inference_gradients",
    "inference_second_gradients",
    "inference_tangent",
    "mini_batch_mean",
    "normalize",
    "scale_and_shift",
    "training_gradients",
    "training_second_gradients",
    "training_tangent",
    "unbiased_variance",
]


class Gradients(NamedTuple):
    """The derivatives of a loss: ``x: (m, C)``, ``gamma: (C,)``, ``beta: (C,)``."""

    x: Any
    gamma: Any
    beta: Any


class SecondGradients(NamedTuple):
    r"""The derivatives of :math:`\langle dx, u\rangle + d\gamma\, v + d\beta\, w`: ``x, dy: (m, C)``, ``gamma: (C,)``."""

    x: Any
    gamma: Any
    dy: Any


# Algorithm 1: the batch normalizing transform. Algorithm 2 is its last two steps with the stored mean and variance.


def mini_batch_mean(x: Any) -> Any:
    r"""Mini-batch mean, :math:`\mu = \frac{1}{m} \sum_i x_i` (Algorithm 1, line 1)."""
    m = x.shape[0]
    return x.sum(axis=0) / m


def biased_variance(x: Any, mu: Any) -> Any:
    r"""Mini-batch variance, :math:`\sigma^2 = \frac{1}{m} \sum_i (x_i - \mu)^2` (Algorithm 1, line 2)."""
    m = x.shape[0]
    return ((x - mu) ** 2).sum(axis=0) / m


def deviation(var: Any, eps: Any) -> Any:
    r"""The denominator of Algorithm 1, line 3, :math:`\sqrt{\sigma^2 + \epsilon}`: eps stands inside the root."""
    return np.sqrt(var + eps)


def normalize(x: Any, mu: Any, sigma: Any) -> Any:
    r"""Normalize, :math:`\hat x_i = (x_i - \mu) / \sqrt{\sigma^2 + \epsilon}` (Algorithm 1, line 3)."""
    return (x - mu) / sigma


def scale_and_shift(x_hat: Any, gamma: Any, beta: Any) -> Any:
    r"""Scale and shift, :math:`y_i = \gamma \hat x_i + \beta` (Algorithm 1, line 4)."""
    return gamma * x_hat + beta


# The running statistics that inference uses (section 3.1; Algorithm 2, lines 8 to 10).


def unbiased_variance(var: Any, m: int) -> Any:
    r"""The estimate for inference, :math:`\frac{m}{m-1} \sigma^2` (Algorithm 2, line 10), m > 1."""
    return var * m / (m - 1)


def exponential_average(running: Any, new: Any, momentum: Any) -> Any:
    r"""The running update, :math:`(1 - f)\, r + f\, s`: ``momentum`` f weights the *new* value, as torch defines it.

    The paper asks only for moving averages. With f = 1/k at the k-th batch this is the cumulative average
    (``momentum=None``). Source: docs of ``torch.nn.BatchNorm1d``.
    """
    return (1 - momentum) * running + momentum * new


# Section 3: the chain rule through Algorithm 1.


def training_gradients(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any) -> Gradients:
    r"""Gradients of a loss through Algorithm 1, where mu and sigma depend on x (section 3, the six equations)."""
    m = x.shape[0]
    dx_hat = dy * gamma
    dvar = -(dx_hat * (x - mu)).sum(axis=0) / (2 * sigma**3)
    dmu = -dx_hat.sum(axis=0) / sigma + dvar * (-2 * (x - mu)).sum(axis=0) / m
    dx = dx_hat / sigma + dvar * 2 * (x - mu) / m + dmu / m
    dgamma = (dy * normalize(x, mu, sigma)).sum(axis=0)
    dbeta = dy.sum(axis=0)
    return Gradients(dx, dgamma, dbeta)


def inference_gradients(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any) -> Gradients:
    r"""Gradients of a loss in inference, where mu and sigma are constants: :math:`dx = \gamma\, dy / \sigma`."""
    dx = dy * gamma / sigma
    dgamma = (dy * normalize(x, mu, sigma)).sum(axis=0)
    dbeta = dy.sum(axis=0)
    return Gradients(dx, dgamma, dbeta)


# The chain rule once more. Along a direction u of x, v of gamma, w of beta the symbols of Algorithm 1 have tangents; what a
# backward pass gives is linear in dy, and <dx, u> + <dgamma, v> + <dbeta, w> = <dy, tangent of y>: so its derivative by dy is
# that tangent, and its derivatives by x and gamma are the backward pass through the tangents.
#
# Sums that are zero in exact arithmetic, or could be of one difference, stand as the paper has them in its gradient of mu.


def training_tangent(x: Any, mu: Any, sigma: Any, gamma: Any, along: Gradients) -> Any:
    r"""The tangent of y through Algorithm 1, line by line: :math:`\dot y = \gamma\, \dot{\hat x} + v\, \hat x + w`."""
    mu_dot, var_dot = _moments(x, mu, along)
    x_hat = normalize(x, mu, sigma)
    x_hat_dot = (along.x - mu_dot) / sigma - x_hat * (var_dot / (2 * sigma**2))
    return gamma * x_hat_dot + along.gamma * x_hat + along.beta


def _moments(x: Any, mu: Any, along: Gradients) -> tuple[Any, Any]:
    r"""Tangents of the mini-batch mean and of the biased variance, :math:`\dot\mu = \bar u` and :math:`\dot\sigma^2`."""
    m = x.shape[0]
    mu_dot = along.x.sum(axis=0) / m
    return mu_dot, (2 * (x - mu) * along.x).sum(axis=0) / m + mu_dot * (-2 * (x - mu)).sum(axis=0) / m


def training_second_gradients(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any, along: Gradients) -> SecondGradients:
    r"""Gradients of :math:`\sum_i dy_i \dot y_i`, where mu and sigma depend on x: section 3's way, through the tangents too."""
    m = x.shape[0]
    mu_dot, var_dot = _moments(x, mu, along)
    x_hat, half_slope = normalize(x, mu, sigma), var_dot / (2 * sigma**2)
    dx_hat_dot = dy * gamma
    products, totals = (dx_hat_dot * x_hat).sum(axis=0), (dx_hat_dot * along.x).sum(axis=0) - mu_dot * dx_hat_dot.sum(axis=0)
    dvar_dot = -products / (2 * sigma**2)
    dx_hat = dy * along.gamma - dx_hat_dot * half_slope
    dvar = -totals / (2 * sigma**3) + products * half_slope / sigma**2 - (dx_hat * x_hat).sum(axis=0) / (2 * sigma**2)
    spread = dvar_dot * 2 * (along.x - mu_dot) / m
    dmu = -dx_hat.sum(axis=0) / sigma - spread.sum(axis=0) + dvar * (-2 * (x - mu)).sum(axis=0) / m
    dx = dx_hat / sigma + spread + dvar * 2 * (x - mu) / m + dmu / m
    dgamma = (dy * ((along.x - mu_dot) / sigma - x_hat * half_slope)).sum(axis=0)
    return SecondGradients(dx, dgamma, training_tangent(x, mu, sigma, gamma, along))


def inference_tangent(x: Any, mu: Any, sigma: Any, gamma: Any, along: Gradients) -> Any:
    r"""The tangent of y in inference, where mu and sigma are constants: :math:`\dot y = \gamma u / \sigma + v\, \hat x + w`."""
    return gamma * along.x / sigma + along.gamma * normalize(x, mu, sigma) + along.beta


def inference_second_gradients(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any, along: Gradients) -> SecondGradients:
    r"""Gradients of :math:`\sum_i dy_i \dot y_i` in inference, where mu and sigma are constants."""
    dx = dy * along.gamma / sigma
    dgamma = (dy * along.x / sigma).sum(axis=0)
    return SecondGradients(dx, dgamma, inference_tangent(x, mu, sigma, gamma, along))
