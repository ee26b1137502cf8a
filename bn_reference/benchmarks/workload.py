"""The batch that is timed, and whether what came out of the timed runs is right."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from bn_reference.benchmarks.contestants import COMPILED, COMPILED_DEVIATION
from bn_reference.benchmarks.operations import EVAL, HALVES, Setting
from bn_reference.benchmarks.work import Outputs
from bn_reference.cases.case import Array, Case
from bn_reference.oracle.bounded import Bounded
from bn_reference.oracle.compare import Comparison, all_of, within
from bn_reference.oracle.keeping import forget
from bn_reference.oracle.step import expect_inference, expect_training
from bn_reference.properties import PROPERTIES
from bn_reference.properties.deviations import deviations_of

__all__ = ["checked_channels", "judge", "workload"]

CHECKED_ELEMENTS = 2**16  # of a batch: as many whole channels as hold them, and always one
PROPERTY = "training_gradient_of_the_input"  # where torch's known deviations say in which region they lie


@lru_cache(maxsize=1)  # the targets of a setting follow each other
def workload(shape: tuple[int, ...], dtype: str, layout: str, seed: int) -> Case:
    """Normal data, each channel with an offset and a scale of its own; an upstream gradient without structure."""
    rng = np.random.default_rng(seed)
    pair, channels = Setting(EVAL, shape, dtype).pair, shape[1]
    column = (channels, *[1] * (len(shape) - 2))
    offset, scale = rng.uniform(-2, 2, column), rng.uniform(0.5, 2, column)

    def batch() -> Array:
        return rng.standard_normal(shape, np.float32)

    def vector(values: Array) -> Array:
        return values.astype(pair.parameter_dtype)

    x = batch()
    x *= scale.astype(np.float32)
    x += offset.astype(np.float32)
    return Case(
        pair=pair,
        x=x.astype(pair.input_dtype, copy=False),
        grad_y=batch().astype(pair.input_dtype, copy=False),
        weight=vector(rng.uniform(0.5, 2, channels)),
        bias=vector(rng.uniform(-1, 1, channels)),
        running_mean=vector(offset.reshape(-1)),
        running_var=vector(scale.reshape(-1) ** 2),
        layout=layout,
        grad_layout=layout,
    )


def checked_channels(case: Case) -> slice:
    """Channels are independent, so that some of them, whole, show whether the timed output is right."""
    return slice(0, min(case.channels, max(1, CHECKED_ELEMENTS // max(case.rows, 1))))


def judge(target: str, case: Case, operation: str, outputs: Outputs) -> tuple[Comparison, str]:
    """The outputs of a timed run, for ``checked_channels``, against their bounds.

    Returns:
        the comparison, and what is known of it where it holds only by the model of a known deviation; else "".
    """
    part = _part(case)
    verdict = _within(part, operation, outputs)
    if not verdict.holds:
        for model, reason in _known_deviations(target, part):
            as_known = _within(part.under(**model), operation, outputs)
            if as_known.holds:
                return as_known, reason
    return verdict, ""


def _known_deviations(target: str, case: Case) -> Iterator[tuple[dict[str, Any], str]]:
    """Precision models of what an implementation is known to do instead, with the reasons."""
    concerned = next(property for property in PROPERTIES if property.name == PROPERTY)
    for deviation in deviations_of(concerned, case.pair):
        if deviation.region(concerned, case) and (model := deviation.model(case)):
            yield model, f"{deviation.reason} ({deviation.link})"
    if target == COMPILED and case.pair.input in HALVES:
        yield {"parameters": case.pair.input}, COMPILED_DEVIATION


@lru_cache(maxsize=1)
def _part(case: Case) -> Case:
    """The channels to check, copied, as a view would hold on to the whole batch; the oracle keeps one such part at a time."""
    forget()
    channels = checked_channels(case)
    batches: Any = {name: getattr(case, name)[:, channels].copy() for name in ("x", "grad_y")}
    vectors: Any = {name: getattr(case, name)[channels] for name in ("weight", "bias", "running_mean", "running_var")}
    return case.but(**batches, **vectors)


def _within(case: Case, operation: str, outputs: Outputs) -> Comparison:
    expected = expect_inference(case) if operation == EVAL else expect_training(case)
    bounds: dict[str, Bounded] = {
        "y": expected.y,
        "grad_x": expected.grad_x,
        "grad_weight": expected.grad_weight,
        "grad_bias": expected.grad_bias,
    }
    return all_of(*(within(name, value, bounds[name]) for name, value in outputs.items()))
