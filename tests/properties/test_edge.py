"""At the contract's edge, and of what surrounds a step, the rules are fair: what is right, or no matter, is kept."""

from __future__ import annotations

import collections
import io
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.properties import PROPERTIES
from bn_reference.properties.edge import _says
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

BY_NAME = {property.name: property for property in PROPERTIES}


def broken(layer: type[torch.nn.Module], *names: str) -> dict[str, str]:
    judge = Judge(TorchImplementation(layer, layer.__name__), Budget(examples=30))
    return {name: how for name, how in judge.broken([BY_NAME[name] for name in names], PAIRS[0]).items() if how}


class TakesImages(CleanBatchNorm1d):
    """Images are as many positions, and a vector in eval is one sample."""

    def forward(self, batch: Tensor) -> Tensor:
        if batch.dim() == 4:
            return super().forward(batch.flatten(2)).reshape(batch.shape)
        return super().forward(batch[None])[0] if batch.dim() == 1 and not self.training else super().forward(batch)


class TakesEveryDtype(CleanBatchNorm1d):
    """What is no float of the layer's is made one; complex numbers are refused."""

    def forward(self, batch: Tensor) -> Tensor:
        own = self.weight if self.affine else self.running_mean
        if own is None or batch.is_complex() or (batch.is_floating_point() and batch.dtype.itemsize == 2):
            return super().forward(batch)
        return super().forward(batch.to(own.dtype))


class CountsWhatItRefuses(CleanBatchNorm1d):
    """The counter is raised before the batch is looked at, as by torch."""

    def validate(self, batch: Tensor) -> None:
        if self.training and self.track_running_stats and self.has_statistics():
            self.num_batches_tracked.add_(1)
        super().validate(batch)
        if self.moves_statistics(batch):
            self.num_batches_tracked.sub_(1)


class ChecksHyperparameters(CleanBatchNorm1d):
    """A layer of a bad eps or momentum is not built."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if not self.eps > 0 or not (self.momentum is None or 0 <= self.momentum <= 1):
            raise ValueError("eps must be positive, and momentum between 0 and 1")


class KeepsTheLatest(CleanBatchNorm1d):
    """The latest input and output are kept, and the means of the last ten batches."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        self._input, self._output = batch, y
        self.__dict__.setdefault("_means", collections.deque(maxlen=10)).append(float(y.detach().sum()))
        return y


class EvaluatesIntoOneMemory(CleanBatchNorm1d):
    """Every evaluation that is not recorded gives out the same memory, which it keeps for the shape."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        if self.training or y.requires_grad:
            return y
        kept: Tensor = self.__dict__.setdefault("_kept", {}).setdefault(y.shape, torch.empty_like(y))
        return kept.copy_(y)


class SaysHelloOnce(CleanBatchNorm1d):
    """What is loaded with the first step prints a line."""

    said = False

    def forward(self, batch: Tensor) -> Tensor:
        if not SaysHelloOnce.said:
            print("loading kernels")  # noqa: T201 -- as what is loaded may
            SaysHelloOnce.said = True
        return super().forward(batch)


FAIR = {
    TakesImages: ("what_is_no_batch_is_refused",),
    CountsWhatItRefuses: ("what_is_no_batch_is_refused", "bad_input_is_refused"),
    TakesEveryDtype: ("other_dtypes_are_refused_or_right",),
    ChecksHyperparameters: ("eps_and_momentum_are_refused_or_used",),
    KeepsTheLatest: ("a_layer_holds_on_to_few_things",),
    EvaluatesIntoOneMemory: ("a_layer_holds_on_to_few_things",),
    SaysHelloOnce: ("a_step_leaves_its_surroundings",),
}


@pytest.mark.parametrize("layer", FAIR, ids=lambda layer: layer.__name__)
def test_what_is_right_or_no_matter_is_not_flagged(layer: type[torch.nn.Module]) -> None:
    assert broken(layer, *FAIR[layer]) == {}


def test_a_layer_that_closes_standard_output_does_not_leave_it() -> None:
    class Closes(torch.nn.BatchNorm1d):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            if isinstance(sys.stdout, io.StringIO):  # that in which the rule looks at what is printed
                sys.stdout.close()
            return super().forward(batch)

    (said,) = broken(Closes, "a_step_leaves_its_surroundings").values()
    assert "standard output" in said


@pytest.mark.parametrize("layer", [torch.nn.BatchNorm1d, torch.nn.SyncBatchNorm])
def test_torch_keeps_the_contract_at_its_edge(layer: type[torch.nn.Module]) -> None:
    assert broken(layer, *(p.name for p in PROPERTIES if p.body.__module__.endswith((".edge", ".surroundings")))) == {}


@pytest.mark.parametrize(
    ("text", "value", "says"),
    [
        ("1e-05", 1e-5, True),
        ("0.00001", 1e-5, True),
        ("0.13", 0.125, False),
        ("0.12", 0.125, True),
        ("1e-5", 1e-3, False),
        ("None", None, True),
        ("0.1", None, False),
        ("True", True, True),
        ("1", True, False),
        ("anything", 0.1, False),
    ],
)
def test_a_shown_number_is_right_as_far_as_its_digits_go(text: str, value: object, says: bool) -> None:
    assert _says(text, value) == says


@pytest.mark.parametrize(
    ("leave", "said"),
    [
        (lambda: torch.set_default_dtype(torch.float64), "the default dtype of torch"),
        (lambda: torch.set_grad_enabled(False), "whether torch records gradients"),
        (lambda: torch.set_default_device("meta"), "the default device of torch"),
    ],
    ids=["default dtype", "gradient mode", "default device"],
)
def test_what_an_earlier_step_left_is_seen_as_well(leave: Callable[[], object], said: str) -> None:
    class Leaves(torch.nn.BatchNorm1d):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            y = super().forward(batch)
            leave()
            return y

    dtype = torch.get_default_dtype()
    judge = Judge(TorchImplementation(Leaves, "Leaves"), Budget(examples=10))
    try:
        judge.settle()  # which steps
        (found,) = judge.broken([BY_NAME["a_step_leaves_its_surroundings"]], PAIRS[0]).values()
    finally:
        torch.set_default_dtype(dtype)
        torch.set_default_device(None)
        torch.set_grad_enabled(True)
    assert said in found
