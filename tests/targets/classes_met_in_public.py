"""Plain classes and functions of kinds that were met in public code: right ones, and wrong ones of the same kinds."""

from typing import Any

import numpy as np


class WithCache:
    """Right: what it returns beside its output in training is what its backward pass needs."""

    def __init__(self, dim: int, eps: float = 1e-5, momentum: float = 0.9) -> None:
        self.eps, self.momentum = eps, momentum
        self.gamma, self.beta = np.ones(dim), np.zeros(dim)
        self.mov_mean, self.mov_var = np.zeros(dim), np.ones(dim)

    def forward(self, x: Any, mode: str = "train") -> Any:
        if mode == "test":
            return self.gamma * (x - self.mov_mean) / np.sqrt(self.mov_var + self.eps) + self.beta, None
        mean, var = x.mean(0), x.var(0)
        self.mov_mean = self.momentum * self.mov_mean + (1 - self.momentum) * mean
        self.mov_var = self.momentum * self.mov_var + (1 - self.momentum) * var
        deviation = np.sqrt(var + self.eps)
        x_hat = (x - mean) / deviation
        return self.gamma * x_hat + self.beta, (x_hat, deviation)

    def backward(self, dout: Any, cache: Any) -> Any:
        x_hat, deviation = cache
        d = dout * self.gamma
        dx = (d - self.mean(d) - x_hat * (d * x_hat).mean(0)) / deviation
        return dx, (dout * x_hat).sum(0), dout.sum(0)

    def mean(self, d: Any) -> Any:
        return d.mean(0)


class WithCacheOneTerm(WithCache):
    """Wrong: the backward pass forgets that the mean depends on x."""

    def mean(self, d: Any) -> Any:
        return 0 * d.mean(0)


class Updating:
    """Right: told the shape of a sample; its backward pass asks optimizers for the next parameters."""

    def __init__(self, momentum: float = 0.9) -> None:
        self.momentum, self.trainable, self.eps = momentum, True, 0.01
        self.running_mean = self.running_var = None

    def set_input_shape(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def initialize(self, optimizer: Any) -> None:
        self.gamma, self.beta, self.of_gamma, self.of_beta = np.ones(self.shape), np.zeros(self.shape), optimizer, optimizer

    def forward_pass(self, X: Any, training: bool = True) -> Any:
        if self.running_mean is None:
            self.running_mean, self.running_var = X.mean(0), X.var(0)
        mean, var = self.running_mean, self.running_var
        if training:
            mean, var = X.mean(0), X.var(0)
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        self.deviation = np.sqrt(var + self.eps)
        self.x_hat = (X - mean) / self.deviation
        return self.gamma * self.x_hat + self.beta

    def backward_pass(self, accum_grad: Any) -> Any:
        d = accum_grad * self.gamma
        self.gamma = self.of_gamma.update(self.gamma, (accum_grad * self.x_hat).sum(0))
        self.beta = self.of_beta.update(self.beta, accum_grad.sum(0))
        return (d - d.mean(0) - self.x_hat * self.along(d * self.x_hat)) / self.deviation

    def along(self, product: Any) -> Any:
        return product.mean(0)


class UpdatingOneTerm(Updating):
    """Wrong: the backward pass forgets that the variance depends on x."""

    def along(self, product: Any) -> Any:
        return 0 * product.mean(0)


class Own:
    """A tensor of somebody's own."""

    def __init__(self, data: Any) -> None:
        self.data = data


class OnItsOwn:
    """On tensors of its own, which nobody else has; a device is an object of its own, too."""

    def __init__(self, dim: int, device: Any = None) -> None:
        assert device is None
        self.gamma, self.beta = Own(np.ones(dim)), Own(np.zeros(dim))

    def __call__(self, x: Any) -> Any:
        return Own((x.data - x.data.mean(0)) * self.gamma.data)


class OnADevice:
    """Right: it wants to lie somewhere else, unless it is told otherwise."""

    def __init__(self, dim: int, device: str = "cuda") -> None:
        assert device == "cpu"
        self.gamma, self.beta, self.eps = np.ones(dim), np.zeros(dim), 1e-5

    def __call__(self, x: Any) -> Any:
        return (x - x.mean(0)) / np.sqrt(x.var(0) + self.eps) * self.gamma + self.beta


class Promoted(WithCache):
    """Right: a vector of NumPy's makes float64 of its gradients, as of all that it is multiplied with."""

    def mean(self, d: Any) -> Any:
        return d.sum(0) * np.full(1, 1.0 / len(d))  # NumPy 2 does so with a number as well


class PromotedOneTerm(WithCache):
    """Wrong: the backward pass forgets that the mean depends on x, and gives float64."""

    def mean(self, d: Any) -> Any:
        return np.zeros(d.shape[1])


class OnLists:
    """On lists of rows, which are lists of numbers."""

    def __init__(self, dim: int) -> None:
        self.gamma = [1.0] * dim

    def forward(self, x: Any) -> Any:
        means = [sum(column) / len(x) for column in zip(*x, strict=True)]
        return [[g * (value - mean) for g, value, mean in zip(self.gamma, row, means, strict=True)] for row in x]


class OfThreeSizes:
    """Told a shape, and no number of channels."""

    def __init__(self, X_dim: Any) -> None:
        self.channels, self.height, self.width = X_dim


class Built:
    """Right: told the shape of a batch before it sees one."""

    def __init__(self, momentum: float = 0.9, epsilon: float = 1e-3) -> None:
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, input_shape: Any) -> None:
        channels = input_shape[1]
        self.gamma, self.beta = np.ones(channels), np.zeros(channels)
        self.moving_mean, self.moving_variance = np.zeros(channels), np.ones(channels)

    def call(self, inputs: Any, training: bool = False) -> Any:
        mean, var = self.moving_mean, self.moving_variance
        if training:
            mean, var = inputs.mean(0), inputs.var(0)
            self.moving_mean = self.momentum * self.moving_mean + (1 - self.momentum) * mean
            self.moving_variance = self.momentum * self.moving_variance + (1 - self.momentum) * self.moved(var, len(inputs))
        return self.gamma * (inputs - mean) / np.sqrt(var + self.epsilon) + self.beta

    def moved(self, var: Any, n: int) -> Any:
        return var


class BuiltOnDeviations(Built):
    """Wrong: the running variance takes up the deviation."""

    def moved(self, var: Any, n: int) -> Any:
        return np.sqrt(var)


class Propagating:
    """Right: round another layer, with other names for both ways, and for being told; it keeps what its way back needs."""

    def __init__(self, nc: int, moment: float = 0.9) -> None:
        self.inner = WithCache(nc, momentum=moment)

    def fprop(self, x: Any, is_testing: bool = False) -> Any:
        y, self.cache = self.inner.forward(x, "test" if is_testing else "train")
        return y

    def bprop(self, dout: Any) -> Any:
        dx, *others = self.inner.backward(dout, self.cache)
        return dx, others


class PropagatingOneTerm(Propagating):
    """Wrong: the backward pass forgets that the mean depends on x."""

    def __init__(self, nc: int, moment: float = 0.9) -> None:
        super().__init__(nc, moment)
        self.inner = WithCacheOneTerm(nc, momentum=moment)


class Parameter:
    def __init__(self, data: Any) -> None:
        self.data, self.grad = data, np.zeros_like(data)


class OfParameters:
    """Right: on arrays, but what is trained is in objects that have its gradient as well, which adds up."""

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        self.eps, self.training = eps, True
        self.gamma, self.beta = Parameter(np.ones(num_features)), Parameter(np.zeros(num_features))
        self.stored_mean, self.stored_var = np.zeros(num_features), np.ones(num_features)

    def forward(self, x: Any) -> Any:
        mean, var = self.stored_mean, self.stored_var
        if self.training:
            mean, var = x.mean(0), x.var(0)
            self.stored_mean = 0.75 * self.stored_mean + 0.25 * mean
            self.stored_var = 0.75 * self.stored_var + 0.25 * var
        self.deviation = np.sqrt(var + self.eps)
        self.x_hat = (x - mean) / self.deviation
        return self.gamma.data * self.x_hat + self.beta.data

    def backward(self, dout: Any) -> Any:
        self.gamma.grad += self.along(dout).sum(0)
        self.beta.grad += dout.sum(0)
        d = dout * self.gamma.data
        return (d - d.mean(0) - self.x_hat * (d * self.x_hat).mean(0)) / self.deviation

    def along(self, dout: Any) -> Any:
        return dout * self.x_hat


class OfParametersScaled(OfParameters):
    """Wrong: the gradient of the weight has the weight in it."""

    def along(self, dout: Any) -> Any:
        return dout * self.x_hat * self.gamma.data


def spread_forward(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    """Right: its backward pass takes what it kept by name."""
    deviation = np.sqrt(x.var(0) + eps)
    x_hat = (x - x.mean(0)) / deviation
    return gamma * x_hat + beta, {"x_hat": x_hat, "deviation": deviation, "gamma": gamma}


def spread_backward(dout: Any, x_hat: Any, deviation: Any, gamma: Any) -> Any:
    d = dout * gamma
    return (d - d.mean(0) - x_hat * (d * x_hat).mean(0)) / deviation, (dout * x_hat).sum(0), dout.sum(0)


def listed_forward(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    """Wrong: its backward pass, which takes what it kept in order, forgets gamma."""
    y, kept = spread_forward(x, gamma, beta, eps)
    return y, (kept["x_hat"], kept["deviation"], gamma)


def listed_backward(dout: Any, x_hat: Any, deviation: Any, gamma: Any) -> Any:
    return spread_backward(dout, x_hat, deviation, np.ones_like(gamma))


def named_forward(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    """Right: its backward pass returns a dictionary, in an order of its own."""
    y, kept = spread_forward(x, gamma, beta, eps)
    return y, tuple(kept.values())


def named_backward(dout: Any, cache: Any) -> Any:
    dx, dgamma, dbeta = spread_backward(dout, *cache)
    return {"dx": dx, "dbeta": dbeta, "dgamma": dgamma}


def nested_forward(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    """Wrong: its backward pass returns those of the parameters in a list, and that of the weight is averaged."""
    return named_forward(x, gamma, beta, eps)


def nested_backward(dout: Any, cache: Any) -> Any:
    dx, dgamma, dbeta = spread_backward(dout, *cache)
    return dx, [dgamma / len(dout), dbeta]
