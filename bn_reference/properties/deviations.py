"""Known deviations of torch from the rules: strict expected failures, each with a region, a reason, a link and a witness.

A deviation is not a tolerance: in its region what runs through torch's own kernel keeps the rule, or does *what torch does
there* within the computed bound of that; anything else is a violation. It excuses no other implementation, and nothing in a
version of torch that was seen without it. The witness is replayed first, so that the day torch is mended is noticed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import place
from bn_reference.oracle.compare import Comparison
from bn_reference.properties import transform
from bn_reference.properties.gradients import an_evaluation_gradient_survives_later_training, grads_within
from bn_reference.properties.registry import Property
from bn_reference.properties.trial import Trial, contiguous

__all__ = ["DEVIATIONS", "Deviation", "as_torch_does", "deviations_of"]

IN_ORDER = ("contiguous", "offset")
HALVES = ("float16", "bfloat16")
TORCH = "torch"  # the library, as implementations name the kernels that they run through
LAYS_X_OUT = ("every_layout_agrees_with_the_contiguous_one", "strided_upstream_gradients_agree")


@dataclass(frozen=True)
class Deviation:
    """Where torch is known to break a rule.

    Attributes:
        name: short, for reports.
        reason: what torch does instead, in one sentence.
        link: where it is documented or discussed.
        concerns: whether a property may meet it in this pair of dtypes.
        region: whether a case lies where it holds.
        as_torch: the property's comparison with what torch does there.
        witness: a case in the region that shows it.
        model: the precision model of what torch does, as fields of ``Precision``, where that is all there is to it.
        device: where torch does so, "cpu" or "cuda"; None for everywhere.
        gone_in: the first version of torch that was seen without it; None where every version has it.
    """

    name: str
    reason: str
    link: str
    concerns: Callable[[Property, Pair], bool]
    region: Callable[[Property, Case], bool]
    witness: Callable[[Pair], Case]
    as_torch: Callable[[Property, Trial], Comparison]
    model: Callable[[Case], dict[str, Any]] = lambda case: {}
    device: str | None = "cpu"
    gone_in: tuple[int, int] | None = None

    def shows(self, device: str) -> bool:
        """Whether the torch that is loaded has it on a device; no torch has none."""
        version = loaded_torch()
        if self.device not in (None, device.partition(":")[0]):
            return False
        return version is not None and (self.gone_in is None or version < self.gone_in)


def loaded_torch() -> tuple[int, int] | None:
    """Major and minor version of torch, where it is loaded."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    major, minor = re.findall(r"\d+", str(torch.__version__))[:2]
    return int(major), int(minor)


def by_model(property: Property, trial: Trial) -> Comparison:
    """The property, where the model that the trial is under says all."""
    return property.body(trial)


def as_torch_does(property: Property, trial: Trial) -> tuple[Comparison, list[Deviation]] | None:
    """The comparison with what torch does where it is known to deviate, and the deviations met; None where it is not so.

    Each deviation is tried by itself, then several together: a case may lie in the regions of several, and those that it
    takes to explain it are named, no others. Only what runs through torch's own kernel, in the steps that the rule looks at,
    may deviate as torch does.
    """
    known = deviations_of(property, trial.case.pair, trial.implementation.device)
    met = [deviation for deviation in known if deviation.region(property, trial.case)]
    if not met or not all(TORCH in trial.laboratory.kernels(trial.case, mode == "training") for mode in property.modes):
        return None
    for together in chain.from_iterable(combinations(met, size) for size in range(1, len(met) + 1)):
        model: dict[str, Any] = {}
        for deviation in together:
            model |= deviation.model(trial.case)
        for deviation in together:
            comparison = deviation.as_torch(property, trial.under(model))
            if comparison.holds:
                return comparison, list(together)
    return None


def deviations_of(property: Property, pair: Pair, device: str = "cpu") -> tuple[Deviation, ...]:
    """The known deviations that a property may meet in this pair of dtypes on a device, with the torch that is loaded."""
    return tuple(deviation for deviation in DEVIATIONS if deviation.shows(device) and deviation.concerns(property, pair))


# half precision where x or dy is not contiguous


def _lies_strided(property: Property, case: Case) -> bool:
    strided = case.layout not in IN_ORDER or case.grad_layout not in IN_ORDER
    return case.pair.input in HALVES and (strided or property.name in LAYS_X_OUT)


def _strided_witness(pair: Pair) -> Case:
    """Three sliced rows in which dx is the small difference of large terms, and the sum of dy needs more than a half
    format's digits."""
    x = np.array([[1.0, 0.5], [2.0, 3.0], [4.0, 7.0]], pair.input_dtype)
    grad_y = np.array([[1.0, 0.75], [1.0078125, -0.3125], [1.015625, 1.5078125]], pair.input_dtype)
    ones, zeros = np.array([1.0, 1.5], pair.parameter_dtype), np.array([0.1, -0.7], pair.parameter_dtype)
    return Case(pair, x, grad_y, ones, zeros, zeros, ones, layout="sliced", grad_layout="sliced")


# gradients of half precision on CUDA


def _reads_gradients(property: Property, pair: Pair) -> bool:
    return pair.input in HALVES and (property.family == "gradients" or property.name in LAYS_X_OUT)


def _rounded_sums_witness(pair: Pair) -> Case:
    """Twelve rows of one channel whose dy has a sum that a half format rounds on the way."""
    dy = [0.89453125, 1.125, 0.61328125, -0.08251953125, 1.0078125, -0.7421875, -1.203125, 0.96484375, 0.1708984375]
    dy += [-0.380859375, -1.859375, -0.025390625]
    x = np.arange(12.0).astype(pair.input_dtype).reshape(3, 1, 4)
    zero, one = np.zeros(1, pair.parameter_dtype), np.ones(1, pair.parameter_dtype)
    return Case(pair, x, np.array(dy).astype(pair.input_dtype).reshape(x.shape), one, zero, zero, one)


# the backward pass of an evaluation after later training


def _is_stale_evaluation(property: Property, pair: Pair) -> bool:
    return property.body is an_evaluation_gradient_survives_later_training


def _with_the_later_statistics(property: Property, trial: Trial) -> Comparison:
    case = trial.case
    session = trial.open()
    step = session.forward(place(case.x, case.layout), training=False)
    session.forward(contiguous(transform.another_batch(case)), training=True)
    later = transform.with_state(case, session.state())
    return grads_within(step.backward(place(case.grad_y, case.grad_layout)), trial.expected_evaluation(later), case)


def _stale_witness(pair: Pair) -> Case:
    """The reduced input of the report: a column 1, 2, 4."""
    x = np.array([[1.0], [2.0], [4.0]], pair.input_dtype)
    zero, one = np.zeros(1, pair.parameter_dtype), np.ones(1, pair.parameter_dtype)
    return Case(pair, x, np.ones_like(x), one, zero, zero, one)


# sums of squares in float16


def _sums_witness(pair: Pair) -> Case:
    """The reduced input of the report: 64 rows, the sum of whose squares is beyond float16 and their mean is not."""
    x = np.resize(np.array([60.0, -60.0], pair.input_dtype), (64, 1))
    zero, one = np.zeros(1, pair.parameter_dtype), np.ones(1, pair.parameter_dtype)
    return Case(pair, x, np.linspace(-1.0, 1.5, 64).astype(pair.input_dtype)[:, None], one, zero, zero, one)


DEVIATIONS: tuple[Deviation, ...] = (
    Deviation(
        name="half precision, strided",
        reason="where x or dy is strided, torch rounds each elementwise step and the sum of dy to the half format of the input",
        link="https://github.com/pytorch/pytorch/pull/147353",
        concerns=lambda property, pair: pair.input in HALVES,
        region=_lies_strided,
        witness=_strided_witness,
        as_torch=by_model,
        model=lambda case: {"working": case.pair.input},
    ),
    Deviation(
        name="float16 sums of squares",
        reason="torch keeps the sum of squared differences in float16, where it overflows above 65504",
        link="https://github.com/pytorch/pytorch/pull/126525",
        concerns=lambda property, pair: pair.input == "float16",
        region=lambda property, case: True,  # a property's own cases may be without parameters, and then in float16 throughout
        witness=_sums_witness,
        as_torch=by_model,
        model=lambda case: {"narrow_sums": True},
        gone_in=(2, 11),
    ),
    Deviation(
        name="stale evaluation gradient",
        reason="going back through eval after later training, torch uses the statistics of then, not those that eval used",
        link="https://github.com/pytorch/pytorch/issues/13402",
        concerns=_is_stale_evaluation,
        region=lambda property, case: case.tracks,
        witness=_stale_witness,
        as_torch=_with_the_later_statistics,
        device=None,
    ),
    Deviation(
        name="half sums of gradients",
        reason="going back, torch's own CUDA kernel rounds the sums over rows to the half format of the input at every step",
        link="https://github.com/pytorch/pytorch/issues/156513",
        concerns=_reads_gradients,
        region=lambda property, case: True,
        witness=_rounded_sums_witness,
        as_torch=by_model,
        model=lambda case: {"working": case.pair.input, "narrow_totals": True},
        device="cuda",
    ),
)
