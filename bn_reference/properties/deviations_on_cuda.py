"""The known deviations of torch on CUDA, where cuDNN computes and where torch's own kernels do."""

from __future__ import annotations

import numpy as np

from bn_reference.arithmetic.precision import HALVES, Pair
from bn_reference.cases.case import Case
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of
from bn_reference.properties import transform
from bn_reference.properties.contract import every_layout_agrees_with_the_contiguous_one
from bn_reference.properties.deviation import GAPS, LOST, Deviation, by_model, in_order
from bn_reference.properties.deviations_of_torch import IN_ORDER, LAYS_X_OUT
from bn_reference.properties.evaluation import nothing_is_stale_after_more_training
from bn_reference.properties.registry import Property
from bn_reference.properties.running import bessel_counts_every_position, same_state
from bn_reference.properties.trial import Trial

__all__ = ["ON_CUDA"]

BY_CUDNN = ("float32/float32", "float64/float64", "float16/float32")
SHIFTED = "offset"
LOSES_DEVICE = f"""
import torch
x = torch.zeros(3 + 4 * 4 * 8, dtype=torch.float16, device="cuda")[3:].view(4, 4, 8)
layer = torch.nn.BatchNorm1d(4, device="cuda")
try:
    layer(x).sum().item()
except RuntimeError:
    raise SystemExit({LOST})
"""


def _by_cudnn(property: Property, case: Case) -> bool:
    """Whether a training step of the property is cuDNN's: of (N, C, L), with parameters."""
    has_positions = case.x.ndim == 3 or property.body is bessel_counts_every_position  # which makes positions of rows
    return case.affine and str(case.pair) in BY_CUDNN and has_positions


# gradients of half precision


def _reads_gradients(property: Property, pair: Pair) -> bool:
    return pair.input in HALVES and (property.family == "gradients" or property.name in LAYS_X_OUT)


def _rounded_sums_witness(pair: Pair) -> Case:
    """Twelve rows of one channel whose dy has a sum that a half format rounds on the way."""
    dy = [0.89453125, 1.125, 0.61328125, -0.08251953125, 1.0078125, -0.7421875, -1.203125, 0.96484375, 0.1708984375]
    dy += [-0.380859375, -1.859375, -0.025390625]
    x = np.arange(12.0).astype(pair.input_dtype).reshape(3, 1, 4)
    zero, one = np.zeros(1, pair.parameter_dtype), np.ones(1, pair.parameter_dtype)
    return Case(pair, x, np.array(dy).astype(pair.input_dtype).reshape(x.shape), one, zero, zero, one)


# running statistics that lie with gaps


def _with_gaps(property: Property, case: Case) -> bool:
    return GAPS in case.circumstances and case.tracks and _by_cudnn(property, case)


def _as_they_were(property: Property, trial: Trial) -> Comparison:
    """In order all is as it should be; with gaps a training step leaves the statistics bit for bit."""
    positions = trial.case if trial.case.x.ndim == 3 else transform.in_two_positions(trial.case)
    case = positions.but(circumstances=(*positions.circumstances, GAPS))
    return all_of(property.body(trial), same_state(trial.train(case).state, case, Aspect.VALUE))


def _gaps_witness(pair: Pair) -> Case:
    """Two channels, whose statistics a batch moves."""
    x = np.array([[[1.0, 2.0], [3.0, 5.0]], [[0.0, 1.0], [7.0, 4.0]]], pair.input_dtype)
    ones, zeros = np.ones(2, pair.parameter_dtype), np.zeros(2, pair.parameter_dtype)
    return Case(pair, x, x[::-1].copy(), ones, zeros, zeros, ones, circumstances=(GAPS,))


# float16 that begins inside a memory


def _begins_inside(property: Property, case: Case) -> bool:
    """At an address that is no multiple of 4 bytes, of an even number of positions, which are read by twos."""
    even = case.x.ndim == 2 or case.x.shape[2] % 2 == 0
    shifted = SHIFTED in (case.layout, case.grad_layout) or property.body is every_layout_agrees_with_the_contiguous_one
    trains = "training" in property.modes or property.body is nothing_is_stale_after_more_training or bool(case.circumstances)
    return shifted and trains and even and _by_cudnn(property, case)


def _begins_with_its_memory(case: Case) -> Case:
    return case.but(**{name: "contiguous" for name in ("layout", "grad_layout") if getattr(case, name) == SHIFTED})


def _shifted_witness(pair: Pair) -> Case:
    return _gaps_witness(pair).but(circumstances=(), layout=SHIFTED)


# the mean of a strided float16 batch


def _strided_without_cudnn(property: Property, case: Case) -> bool:
    """Which torch's own kernel for any strides takes; a batch for cuDNN is copied first."""
    strided = case.layout not in IN_ORDER or property.body is every_layout_agrees_with_the_contiguous_one
    return strided and not (case.x.ndim == 3 and case.affine)


def _thirds_witness(pair: Pair) -> Case:
    """One channel whose mean is 1/3, as every second row of a memory."""
    x = np.array([[0.0], [0.0], [1.0]], pair.input_dtype)
    zero, one = np.zeros(1, pair.parameter_dtype), np.ones(1, pair.parameter_dtype)
    return Case(pair, x, x[::-1].copy(), one, zero, zero, one, layout="sliced")


ON_CUDA: tuple[Deviation, ...] = (
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
        shown_by="training_gradient_of_the_bias",
        shown_in=lambda pair: pair.input != "float16",  # a half that has digits enough
    ),
    Deviation(
        name="lost updates",
        reason="with cuDNN, torch updates a copy of running statistics that lie with gaps, and leaves them as they were",
        link="https://github.com/pytorch/pytorch/issues/33867",
        concerns=lambda property, pair: str(pair) in BY_CUDNN and "training" in property.modes,
        region=_with_gaps,
        witness=_gaps_witness,
        as_torch=_as_they_were,
        instead=in_order,
        quantities="running_",
        device="cuda",
        shown_by="one_step_moves_the_running_mean",
    ),
    Deviation(
        name="mean in float16",
        reason="torch's own CUDA kernel for any strides rounds the mean of a float16 batch to float16, in float32 too",
        link="https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/cuda/Normalization.cu",
        concerns=lambda property, pair: str(pair) == "float16/float32",
        region=_strided_without_cudnn,
        witness=_thirds_witness,
        as_torch=by_model,
        model=lambda case: {"working": case.pair.input},
        device="cuda",
        shown_by="one_step_moves_the_running_mean",
    ),
    Deviation(
        name="shifted float16",
        reason="torch hands cuDNN a float16 tensor at an address that it cannot read, and the device is lost for the process",
        link="https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/Normalization.cpp",
        concerns=lambda property, pair: str(pair) == "float16/float32",
        region=_begins_inside,
        witness=_shifted_witness,
        as_torch=by_model,
        instead=_begins_with_its_memory,
        device="cuda",
        loses_device=LOSES_DEVICE,
    ),
)
