"""A batch norm as a course asks for it: a function and its backward pass, in NumPy, and a dictionary that is kept."""

import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    """y and what the backward pass needs; in training the averages in ``bn_param`` move."""
    eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    running_mean = bn_param.get("running_mean", np.zeros(x.shape[1], x.dtype))
    running_var = bn_param.get("running_var", np.zeros(x.shape[1], x.dtype))
    if bn_param["mode"] == "train":
        mean, var = x.mean(axis=0), x.var(axis=0)
        running_mean = momentum * running_mean + (1 - momentum) * mean
        running_var = momentum * running_var + (1 - momentum) * var
    else:
        mean, var = running_mean, running_var
    bn_param["running_mean"], bn_param["running_var"] = running_mean, running_var
    deviation = np.sqrt(var + eps)
    x_hat = (x - mean) / deviation
    return gamma * x_hat + beta, (x_hat, gamma, deviation)


def batchnorm_backward(dout, cache):
    """The gradients of x, gamma and beta, of a step in training."""
    x_hat, gamma, deviation = cache
    dgamma, dbeta = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    dx = gamma / deviation * (dout - dbeta / len(dout) - x_hat * dgamma / len(dout))
    return dx, dgamma, dbeta
