"""Conventions: what an implementation of batch normalization may lawfully do otherwise than torch, as one value.

The paper leaves open how running statistics are averaged, what a batch of one value gives, and in which formats numbers are
kept; libraries decided differently. A convention is a promise: an implementation that makes it is held to it as sharply as
torch is held to its own. The oracle takes its rules from here; properties do not know of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from bn_reference import specification as spec

__all__ = [
    "LIBRARIES",
    "ONE_PASS",
    "TORCH",
    "VALUES",
    "Conventions",
    "Rules",
    "conventions_named",
    "keepers",
    "moving_gradients",
    "rules_of",
]

# every convention, torch's value first; after each value the words of "it conforms but for ..."
VALUES: dict[str, dict[str, str]] = {
    "momentum_weights": {
        "new": "a momentum that weights the new statistic",
        "old": "a momentum that weights the old statistic",
    },
    "running_variance": {
        "unbiased": "the unbiased variance, n / (n - 1), in the running average",
        "biased": "the biased variance in the running average",
    },
    "first_batches": {
        "prior": "an average that begins with the values that the layer was built with",
        "copied": "statistics that are copied from the first batch",
        "debiased": "an average that is zero-debiased at each update",
        "debiased_in_eval": "an average that is zero-debiased at evaluation",
    },
    "initial_variance": {
        "one": "a running variance that begins with one",
        "zero": "a running variance that begins with zero",
    },
    "single_value": {
        "refused": "the refusal of one value a channel in training",
        "bias": "one value a channel in training, which gives y = bias",
        "input": "one value a channel in training, which is returned as it is",
        "undefined": "one value a channel in training, which leaves NaN or infinity",
    },
    "empty_batch": {
        "harmless": "statistics that an empty batch in training leaves finite, or its refusal",
        "undefined": "statistics that an empty batch in training leaves not finite",
    },
    "statistics": {
        "parameters": "statistics in the dtype of the parameters",
        "float32": "statistics in float32",
        "input": "statistics in the dtype of the input",
    },
    "output": {
        "input": "outputs in the dtype of the input",
        "promoted": "outputs in the dtype that input and parameters promote to",
    },
    "hyperparameters": {
        "float64": "eps and momentum in float64",
        "float32": "eps and momentum in float32",
    },
    "variance": {
        "stable": "a variance of squared differences from the mean",
        "one_pass": "a variance in one pass, E[x^2] - E[x]^2, clamped at zero",
    },
    "subnormals": {
        "kept": "subnormal numbers",
        "flushed": "subnormal numbers that are flushed to zero",
    },
    "training": {
        "batch": "training that normalizes with the statistics of the batch",
        "running": "training that normalizes with the running statistics, as the batch has moved them",
    },
}


@dataclass(frozen=True)
class Conventions:
    """What an implementation promises where batch norms lawfully differ; the values are the keys of ``VALUES``.

    Attributes:
        momentum_weights: the value that its own momentum weights. (``case.momentum`` always weights the new one.)
        running_variance: the estimate that is averaged.
        first_batches: what the average makes of the values that it begins with.
        initial_variance: the variance of a new layer, which nobody reads whose first batches are copied or debiased.
        single_value: what one value a channel gives in training.
        empty_batch: what becomes of the running statistics in a training step of no rows.
        statistics: the dtype that running statistics are kept in.
        output: the dtype of y.
        hyperparameters: the format that eps and momentum are held in.
        variance: the class of accuracy of the batch's variance, which is never negative.
        subnormals: what becomes of numbers below the normal ones.
        training: what normalizes a batch in training; gradients go through it.

    Raises:
        ValueError: a value is none of the convention's.
    """

    momentum_weights: str = "new"
    running_variance: str = "unbiased"
    first_batches: str = "prior"
    initial_variance: str = "one"
    single_value: str = "refused"
    empty_batch: str = "harmless"
    statistics: str = "parameters"
    output: str = "input"
    hyperparameters: str = "float64"
    variance: str = "stable"
    subnormals: str = "kept"
    training: str = "batch"

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value not in VALUES[name]:
                raise ValueError(
                    f"the convention {name} is {value!r}, but must be one of {', '.join(VALUES[name])}; choose one"
                )

    def but(self, **changes: str) -> Conventions:
        """The same with some values changed."""
        return replace(self, **changes)

    def differences(self, other: Conventions) -> dict[str, str]:
        """Where ``other`` has another value: names, and the values that ``other`` has."""
        return {name: value for name, value in asdict(other).items() if value != getattr(self, name)}

    def to_json(self) -> dict[str, str]:
        """As a JSON object."""
        return asdict(self)


TORCH = Conventions()

_OF_JAX = TORCH.but(momentum_weights="old", running_variance="biased", single_value="bias", output="promoted")
LIBRARIES: dict[str, Conventions] = {
    "torch": TORCH,
    "tinygrad": TORCH.but(output="promoted"),
    "mlx": TORCH.but(output="promoted"),
    "flax": _OF_JAX.but(statistics="float32", variance="one_pass", subnormals="flushed"),
    "haiku": _OF_JAX.but(
        first_batches="debiased", statistics="input", output="input", variance="one_pass", subnormals="flushed"
    ),
    "equinox": _OF_JAX.but(first_batches="debiased_in_eval", subnormals="flushed"),
    "equinox_ema": _OF_JAX.but(first_batches="copied", subnormals="flushed", training="running"),
    "keras": _OF_JAX.but(output="input", subnormals="flushed"),
    "onnx": _OF_JAX.but(output="input", hyperparameters="float32"),
    "numpy_ml": _OF_JAX,
    "paddle": _OF_JAX.but(single_value="input", output="input", hyperparameters="float32"),
    "mindspore": TORCH.but(momentum_weights="old", single_value="bias"),
    "mxnet": _OF_JAX.but(output="input"),
}


def keepers(name: str, value: str) -> tuple[str, ...]:
    """The libraries that have this value of a convention."""
    return tuple(library for library, conventions in LIBRARIES.items() if getattr(conventions, name) == value)


def conventions_named(words: Iterable[str]) -> Conventions:
    """The conventions of words: the name of a library, then ``convention=value`` for what is otherwise.

    Raises:
        ValueError: a word is neither, or names no convention or value that there is.
    """
    found = TORCH
    known = [entry.name for entry in fields(Conventions)]
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name in known:
            found = replace(found, **{name: value})
        elif not equals and word in LIBRARIES:
            found = LIBRARIES[word]
        else:
            near = difflib.get_close_matches(name, known if equals else [*LIBRARIES, "auto"], n=1)
            rule = f"must be auto, a library ({', '.join(LIBRARIES)}) or one of {', '.join(known)} with =value"
            hint = f"did you mean {near[0]}?" if near else "write running_variance=biased, for example"
            raise ValueError(f"the convention is {word!r}, but {rule}; {hint}")
    return found


class Rules:
    """The specification with some of its functions replaced; told apart by identity, as the oracle keeps what it gave."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        self.__dict__.update({**vars(spec), **functions})


def one_pass_variance(x: Any, mu: Any) -> Any:
    r"""Biased variance in one pass, :math:`\frac1m \sum x_i^2 - \mu^2`: (C,); as exact arithmetic has it, but less stable.

    The square of the mean comes first: a difference of squares may be negative, and what begins with a mean of squares
    would be taken to be none. Whoever keeps the convention clamps it at zero (flax does), for which the oracle sees.
    """
    return -(mu**2) + (x**2).sum(axis=0) / x.shape[0]


def moving_gradients(dy: Any, x: Any, mu: Any, sigma: Any, gamma: Any, mean: Any, weight: Any, degrees: int) -> spec.Gradients:
    r"""Gradients where :math:`\mu, \sigma` are of running statistics that the batch has moved, by the chain rule of section 3.

    They depend on x by the batch's part in them: ``weight`` of its mean, and of its sum of squares over ``degrees`` (m or
    m - 1). With weight 1 and m they are those of Algorithm 1.
    """
    m = x.shape[0]
    dx_hat = dy * gamma
    dvar = -(dx_hat * (x - mu)).sum(axis=0) / (2 * sigma**3) * weight
    dmean = -dx_hat.sum(axis=0) / sigma * weight + dvar * (-2 * (x - mean)).sum(axis=0) / degrees
    dx = dx_hat / sigma + dvar * 2 * (x - mean) / degrees + dmean / m
    dgamma = (dy * spec.normalize(x, mu, sigma)).sum(axis=0)
    return spec.Gradients(dx, dgamma, dy.sum(axis=0))


ONE_PASS = Rules(biased_variance=one_pass_variance)


def rules_of(conventions: Conventions) -> Any:
    """The specification as an implementation of these conventions follows it."""
    return ONE_PASS if conventions.variance == "one_pass" else spec
