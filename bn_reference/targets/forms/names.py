"""What people call the parameters and statistics of batch normalization, and the arguments of its constructor."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "ALIASES",
    "BIAS",
    "CHANNELS",
    "COUNTER",
    "DIMENSIONS",
    "EPS",
    "MEAN",
    "MODE",
    "MOMENTUM",
    "VAR",
    "WEIGHT",
    "named",
]

WEIGHT = ("weight", "gamma", "scale", "g", "w", "bw", "bn_weight", "gain", "scaler", "bngain", "gammas", "weights", "bn_gain")
BIAS = ("bias", "beta", "offset", "shift", "intercept", "b", "bb", "bn_bias", "bnbias", "betas", "biases")
MEAN = (
    "running_mean",
    "moving_mean",
    "running_avg",
    "mean",
    "running_m",
    "moving_avg",
    "moving_average",
    "ema_mean",
    "pop_mean",
    "population_mean",
    "running_mu",
    "moving_mu",
    "mean_running",
    "avg_mean",
    "average_mean",
    "global_mean",
    "r_mean",
    "exp_mean",
    "bnmean_running",
    "mean_ema",
    "mu",
)
VAR = (
    "running_var",
    "moving_var",
    "running_variance",
    "moving_variance",
    "var",
    "variance",
    "running_v",
    "ema_var",
    "ema_variance",
    "pop_var",
    "pop_variance",
    "population_var",
    "population_variance",
    "var_running",
    "avg_var",
    "average_var",
    "global_var",
    "r_var",
    "exp_var",
    "bnvar_running",
    "var_ema",
)  # a deviation is no variance: running_std is not among them
COUNTER = ("num_batches_tracked",)
ALIASES = {"weight": WEIGHT, "bias": BIAS, "running_mean": MEAN, "running_var": VAR, "num_batches_tracked": COUNTER}

CHANNELS = ("num_features", "channels", "num_channels", "dim", "n", "size", "features", "num_ch", "in_features", "c", "d")
EPS = ("eps", "epsilon", "bn_eps", "variance_epsilon")
MOMENTUM = ("momentum", "decay", "alpha", "rho", "bn_momentum", "moving_average_fraction", "momentum_bn")
DIMENSIONS = ("num_dims", "ndim", "dims", "dimensions", "n_dims", "ndims", "num_dimensions")
MODE = ("training", "train", "is_training", "is_train", "train_mode", "mode", "eval", "is_test", "inference", "test")


def named(names: Iterable[str], aliases: tuple[str, ...]) -> str | None:
    """Which of the names is an alias, whatever its case and underscores around it; the alias listed first wins."""
    known: dict[str, str] = {}
    for name in names:
        known.setdefault(name.strip("_").lower(), name)
    return next((known[alias] for alias in aliases if alias in known), None)
