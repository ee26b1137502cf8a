"""Functional: what a few lines can be asked, what the base class does not pass for them, and what is wrong with bad ones."""

from typing import Any

import numpy as np
import pytest
import torch
from functionals_of_people import MovesInPlace, MovesWhatIsFed, Scribbles, Worked

from bn_reference import Functional, UnusableTarget, verify
from bn_reference.reports.report import Report
from bn_reference.targets.recognition import load_target


class ChannelsLast(Functional):
    """On torch's tensors, (N, L, C)."""

    channels_last = True

    def to_array(self, array: Any) -> Any:
        if array.dtype.name == "bfloat16":
            return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(array)

    def forward(self, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, eps: float, momentum: float) -> Any:
        uses_batch = training or mean is None
        x = x.movedim(-1, 1).contiguous()  # as torch's own deviations are known by how the input of its kernel lies
        y = torch.nn.functional.batch_norm(x, mean, var, weight, bias, uses_batch, momentum, eps)
        return y.movedim(1, -1), mean, var


class YAlone(ChannelsLast):
    def forward(self, *arguments: Any) -> Any:
        return super().forward(*arguments)[0]


class WritesToItsInput(Worked):
    def forward(self, x: Any, *arguments: Any) -> Any:
        moved = super().forward(x, *arguments)
        x[:] = 0
        return moved


class WritesInTorch(ChannelsLast):
    def to_array(self, array: Any) -> Any:
        return super().to_array(array.copy())

    def forward(self, x: Any, *arguments: Any) -> Any:
        moved = super().forward(x, *arguments)
        x.zero_()
        return moved


class NeverMoves(Worked):
    def forward(self, x: Any, weight: Any, bias: Any, mean: Any, var: Any, *arguments: Any) -> Any:
        return super().forward(x, weight, bias, mean, var, *arguments)[0], mean, var


class GradXAlone(Worked):
    def backward(self, *arguments: Any) -> Any:
        return super().backward(*arguments)[0]


def verdict(target: Any, *properties: str, dtype: str = "float32") -> Report:
    return verify(target, dtypes=[dtype], examples=8, properties=list(properties) or None)


def named(report: Report, status: str) -> set[str]:
    return {result.property for result in report.results if result.status == status}


def test_the_worked_example_conforms() -> None:
    report = verdict(Worked)

    assert report.conforms
    assert {"training_gradient_of_the_input", "one_step_moves_the_running_variance"} <= named(report, "passed")
    assert "the_input_is_never_modified" in named(report, "passed")


@pytest.mark.parametrize("target", [Worked, ChannelsLast])
def test_what_the_base_class_keeps_is_no_merit_of_the_target(target: Any) -> None:
    of_the_base = {
        "the_counter_counts_training_batches",
        "buffers_are_updated_in_place",
        "nothing_is_stale_after_loading_a_state",
        "statistics_move_without_gradients",
        "a_fresh_layer_starts_neutral",
    }

    assert named(verdict(target, *of_the_base), "unsupported") == of_the_base


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_another_framework_with_its_channels_last_conforms(dtype: str) -> None:
    report = verdict(ChannelsLast, dtype=dtype)

    assert report.conforms
    assert "statistics_are_detached_and_keep_their_dtype" in named(report, "passed")
    assert "training_gradient_of_the_input" in named(report, "unsupported")


def test_y_alone_leaves_the_running_rules_unsupported() -> None:
    report = verdict(YAlone)

    assert report.conforms
    assert "one_step_moves_the_running_mean" in named(report, "unsupported")
    assert "evaluation_uses_the_running_statistics" in named(report, "passed")


@pytest.mark.parametrize("target", [WritesToItsInput, WritesInTorch])
def test_an_input_that_is_written_to_is_seen_and_spoils_nothing_else(target: Any) -> None:
    report = verdict(target)

    assert named(report, "violated") == {"the_input_is_never_modified"}


def test_statistics_that_never_move_are_violated() -> None:
    assert "one_step_moves_the_running_mean" in named(verdict(NeverMoves, "one_step_moves_the_running_mean"), "violated")


def test_a_gradient_that_is_not_returned_is_unsupported() -> None:
    report = verdict(GradXAlone, "training_gradient_of_the_input", "training_gradient_of_the_weight")

    assert named(report, "passed") == {"training_gradient_of_the_input"}
    assert named(report, "unsupported") == {"training_gradient_of_the_weight"}


def test_its_attributes_are_its_domain() -> None:
    domain = load_target(Worked).domain

    assert domain.pairs == ("float32/float32", "float64/float64")
    assert domain.dimensions == (2,)
    assert not domain.cumulative


class Eighth(Worked):
    dtypes = ("float8",)


class Short(Functional):
    def forward(self, x: Any) -> Any:  # type: ignore[override]
        return x


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (
            Eighth,
            "dtypes of Eighth is ('float8',), but its values must be of 'float16', 'bfloat16', 'float32', 'float64'; "
            "name those that it has",
        ),
        (
            Short,
            f"forward of {__name__}:Short cannot be called: TypeError: too many positional arguments; it must take "
            "(x, weight, bias, mean, var, training, eps, momentum)",
        ),
    ],
)
def test_what_is_wrong_with_it_is_said_in_one_sentence(target: Any, sentence: str) -> None:
    with pytest.raises(UnusableTarget) as caught:
        load_target(target)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(("target", "written"), [(Scribbles, "weight"), (MovesInPlace, ""), (MovesWhatIsFed, "mean")])
def test_what_is_handed_over_to_be_read_is_watched(target: type[Functional], written: str) -> None:
    report = verify(target, dtypes=["float32"], properties=["the_input_is_never_modified"], examples=5, conventions="auto")
    (result,) = report.results

    assert result.status == ("violated" if written else "passed")
    assert f"the memory of {written} was written to" in result.message or not written
    assert all(cause.reproducer_fails for cause in report.causes)
