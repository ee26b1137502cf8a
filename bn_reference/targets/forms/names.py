"""What people call the parameters and statistics of batch normalization, and the arguments of its constructor."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = [
    "ALIASES",
    "AXIS",
    "BIAS",
    "CHANNELS",
    "COUNTER",
    "DIMENSIONS",
    "EPS",
    "EVALUATION",
    "MEAN",
    "MOMENTUM",
    "TRAINING",
    "VAR",
    "WEIGHT",
    "named",
    "of_running",
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
RUNNING = (
    "running",
    "run",
    "moving",
    "mov",
    "stored",
    "avg",
    "average",
    "averaged",
    "ema",
    "pop",
    "population",
    "global",
    "exp",
    "smoothed",
    "tracked",
)
MEANS, VARIANCES = ("mean", "means", "mu"), ("var", "vars", "variance", "variances")
COUNTER = ("num_batches_tracked",)
ALIASES = {"weight": WEIGHT, "bias": BIAS, "running_mean": MEAN, "running_var": VAR, "num_batches_tracked": COUNTER}

CHANNELS = (
    "num_features",
    "n_features",
    "in_features",
    "features",
    "feature_dim",
    "channels",
    "num_channels",
    "n_channels",
    "in_channels",
    "out_channels",
    "num_ch",
    "dim",
    "input_dim",
    "in_dim",
    "hidden_dim",
    "d_model",
    "hidden_size",
    "input_size",
    "in_size",
    "size",
    "width",
    "units",
    "filters",
    "nf",
    "nc",
    "n_inputs",
    "num_inputs",
    "num_units",
    "num_neurons",
    "n_neurons",
    "feature_size",
    "n_in",
    "n",
    "c",
    "d",
)
AXIS = ("axis", "axes", "channel_axis", "feature_axis")  # that the channels are on, which is no number of them
EPS = ("eps", "epsilon", "bn_eps", "bn_epsilon", "variance_epsilon")
MOMENTUM = (
    "momentum",
    "decay",
    "decay_rate",
    "alpha",
    "rho",
    "mom",
    "bn_momentum",
    "momentum_bn",
    "ema_decay",
    "moving_average_fraction",
    "moment",
    "batch_momentum",
    "moving_decay",
    "moving_momentum",
    "running_momentum",
    "ema_momentum",
    "ema_alpha",
)
DIMENSIONS = ("num_dims", "ndim", "dims", "dimensions", "n_dims", "ndims", "num_dimensions")
# arguments that say whether it trains: True where it does, and True where it does not
TRAINING = (
    "training",
    "train",
    "is_training",
    "is_train",
    "in_training",
    "train_mode",
    "training_mode",
    "is_training_mode",
    "use_batch_stats",
    "use_batch_statistics",
    "use_input_stats",
    "training_flag",
    "train_flg",
    "train_flag",
    "phase_train",
    "training_phase",
    "update_stats",
)
EVALUATION = (
    "eval",
    "is_eval",
    "test",
    "is_test",
    "testing",
    "test_mode",
    "inference",
    "is_inference",
    "inference_mode",
    "eval_mode",
    "evaluation",
    "use_global_stats",
    "use_running_average",
    "use_running_stats",
    "use_running_statistics",
    "use_moving_average",
    "deterministic",
    "frozen",
)


def named(names: Iterable[str], aliases: tuple[str, ...]) -> str | None:
    """Which of the names is an alias, whatever its case and underscores around it; the alias listed first wins.

    Of a name with a dot, ``gamma.data``, what stands before it is the name of what has it.
    """
    known: dict[str, str] = {}
    for name in names:
        known.setdefault(name.partition(".")[0].strip("_").lower(), name)
    return next((known[alias] for alias in aliases if alias in known), None)


def of_running(names: Iterable[str], role: str) -> str | None:
    """The one name that says in words that it is a running mean, or variance; None where none does, or several."""
    wanted, other = (MEANS, VARIANCES) if role == "running_mean" else (VARIANCES, MEANS)
    found = []
    for name in names:
        words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
        if words & {*RUNNING} and words & {*wanted} and not words & {*other, "batch"}:
            found.append(name)
    return found[0] if len(found) == 1 else None
