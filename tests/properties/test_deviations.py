"""Known deviations are strict: torch shows each on its witness, does there what is said, and nobody else is let off by them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.power.clean import CleanBatchNorm1d, Saved
from bn_reference.properties import PROPERTIES, Property, deviations
from bn_reference.properties.deviation import LOST, TORCH
from bn_reference.properties.deviations import DEVIATIONS, Deviation, without_losing_the_device
from bn_reference.properties.trial import Laboratory, Trial
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.protocol import Implementation
from bn_reference.targets.recognition import load_target
from bn_reference.targets.watched import Watched
from bn_reference.verification import witnesses
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

HALF = next(pair for pair in PAIRS if str(pair) == "float16/float32")
BY_NAME = {property.name: property for property in PROPERTIES}
FREED = "gradients of freed memory"  # what was freed may be there still, so that no rule shows it for certain; here one does
SHOWN_BY = {deviation.name: deviation.shown_by for deviation in DEVIATIONS} | {FREED: "training_gradient_of_the_input"}


SHOWN = [
    pytest.param(deviation, BY_NAME[SHOWN_BY[deviation.name]], pair, id=f"{deviation.name}-{pair}")
    for deviation in DEVIATIONS
    if TORCH in deviation.libraries  # the others are for tests/frameworks
    if not deviation.loses_device  # whose witness would be the last case of this process
    for pair in PAIRS
    if deviation.device in (None, "cpu") or torch.cuda.is_available()
    if deviation.concerns(BY_NAME[SHOWN_BY[deviation.name]], pair) and deviation.shown_in(pair)
]


FOLDED = "upstream gradient in another order"  # which takes a layer that is handed more axes


def layers_of(deviation: Deviation, wrong: bool = False) -> Implementation:
    if deviation.name == FOLDED:
        return load_target(OffOfImages if wrong else torch.nn.BatchNorm2d)
    return TorchImplementation(OffByATenth if wrong else torch.nn.BatchNorm1d, "target", deviation.device or "cpu")


def trial_of(deviation: Deviation, pair: Pair) -> Trial:
    return Trial(Laboratory(Watched(layers_of(deviation))), deviation.witness(pair))


@pytest.mark.parametrize(("deviation", "property_", "pair"), SHOWN)
def test_torch_breaks_the_rule_on_the_witness_until_it_is_mended(deviation: Deviation, property_: Property, pair: Pair) -> None:
    trial = trial_of(deviation, pair)
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    mended = deviation.gone_in is not None and version >= deviation.gone_in

    assert deviation.region(property_, trial.case)
    with np.errstate(all="ignore"):
        kept = property_.body(trial).holds
    assert kept == mended, f"{deviation.name} ({deviation.link}): narrow gone_in to the versions that have it"


@pytest.mark.parametrize(("deviation", "property_", "pair"), SHOWN)
def test_torch_does_on_the_witness_what_the_deviation_says(deviation: Deviation, property_: Property, pair: Pair) -> None:
    trial = trial_of(deviation, pair)
    with np.errstate(all="ignore"):
        assert deviation.as_torch(property_, trial.on(deviation.instead(trial.case)).under(deviation.model(trial.case))).holds


class Off:
    """Wrong everywhere, in the regions of the deviations too."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = super().forward(x)  # type: ignore[misc]
        if y.requires_grad:
            y.register_hook(lambda grad: grad * 1.1)
        if self.training and self.running_var is not None:
            self.running_var.data.mul_(1.1)
        return y


class OffByATenth(Off, torch.nn.BatchNorm1d):
    """By a tenth."""


class OffOfImages(Off, torch.nn.BatchNorm2d):
    """By a tenth."""


@pytest.mark.parametrize(("deviation", "property_", "pair"), SHOWN)
def test_a_deviation_excuses_nothing_but_what_torch_does(deviation: Deviation, property_: Property, pair: Pair) -> None:
    result = Judge(layers_of(deviation, wrong=True), Budget(examples=5)).check(property_, pair)

    assert result.status == "violated"


class OwnStridedHalves(CleanBatchNorm1d):
    """Does in half precision what torch is known to do with strided batches, in code of its own."""

    def grad_bias(self, dy: torch.Tensor, saved: Saved) -> torch.Tensor:
        return super().grad_bias(dy, saved).to(saved.dtype).to(dy.dtype)


class OwnNarrowSums(CleanBatchNorm1d):
    """Keeps sums of squares in float16, as torch did before 2.6."""

    def batch_variance(self, rows: torch.Tensor, mu: torch.Tensor, m: int) -> torch.Tensor:
        kept = torch.float16 if self.weight is not None and self.weight.dtype == torch.float16 else rows.dtype
        return self.total((rows - mu) ** 2).to(kept).to(rows.dtype) / m


@pytest.mark.parametrize(
    ("layer", "rule", "pair"),
    [
        (OwnStridedHalves, "training_gradient_of_the_bias", Pair("bfloat16", "float32")),
        (OwnNarrowSums, "one_step_moves_the_running_variance", Pair("float16", "float16")),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_who_does_as_torch_does_in_code_of_their_own_is_not_excused(layer: type, rule: str, pair: Pair) -> None:
    result = Judge(TorchImplementation(layer, "own"), Budget(examples=30)).check(BY_NAME[rule], pair)

    assert result.status == "violated"


class Wrapped(torch.nn.BatchNorm1d):
    """Computes through torch's own kernel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)


def test_who_runs_through_the_kernel_of_torch_may_deviate_as_torch_does_and_the_verdict_says_which() -> None:
    rule = BY_NAME["an_evaluation_gradient_survives_later_training"]
    result = Judge(TorchImplementation(Wrapped, "wrapped"), Budget(examples=5)).check(rule, PAIRS[0])

    assert result.status == "known deviation"
    assert "https://github.com/pytorch/pytorch/issues/13402" in result.message


class EvaluatesByItself(torch.nn.BatchNorm1d):
    """Trains through torch's own kernel, and is right where it evaluates."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training or self.running_mean is None or self.running_var is None:
            return super().forward(x)
        shape = (-1, *[1] * (x.dim() - 2))
        y = (x - self.running_mean.view(shape)) / torch.sqrt(self.variance().view(shape) + self.eps)
        return y if self.weight is None else y * self.weight.view(shape) + self.bias.view(shape)

    def variance(self) -> torch.Tensor:
        assert self.running_var is not None
        return self.running_var


class EvaluatesWronglyInGaps(EvaluatesByItself):
    def variance(self) -> torch.Tensor:
        return super().variance() * (1 if self.running_var.is_contiguous() else 2)


@pytest.mark.parametrize(("layer", "status"), [(EvaluatesByItself, "known deviation"), (EvaluatesWronglyInGaps, "violated")])
def test_who_trains_through_the_kernel_of_torch_may_deviate_there_if_its_own_evaluation_is_right(
    layer: type, status: str
) -> None:
    rule = BY_NAME["what_asks_for_a_gradient_gets_it_and_nothing_else_does"]

    assert Judge(TorchImplementation(layer, "own"), Budget(examples=30)).check(rule, PAIRS[0]).status == status


@pytest.mark.parametrize(("version", "shows"), [("2.5.1", True), ("2.6.0+cu124", False), ("3.0.0", False)])
def test_a_deviation_ends_with_the_version_that_was_seen_without_it(
    monkeypatch: pytest.MonkeyPatch, version: str, shows: bool
) -> None:
    monkeypatch.setattr(torch, "__version__", version)
    sums = next(deviation for deviation in DEVIATIONS if deviation.name == "float16 sums of squares")

    assert sums.shows("cpu") == shows
    assert not sums.shows("cuda:0")


MENDED = Deviation(
    name="mended",
    reason="torch was wrong here",
    link="https://github.com/pytorch/pytorch/",
    concerns=lambda property, pair: True,
    region=lambda property, case: True,
    witness=lambda pair: Case(pair, np.ones((2, 1), pair.input_dtype), np.ones((2, 1), pair.input_dtype)),
    as_torch=lambda property, trial: property.body(trial),
    shown_by="output_is_the_normalized_batch",
    shown_in=lambda pair: pair.parameters == "float32",
)


@pytest.mark.parametrize(
    ("target", "rule", "pair", "gone"),
    [
        (torch.nn.BatchNorm1d, "output_is_the_normalized_batch", HALF, (MENDED.sentence,)),
        (torch.nn.functional.batch_norm, "output_is_the_normalized_batch", HALF, (MENDED.sentence,)),
        (torch.nn.BatchNorm1d, "output_is_the_normalized_batch", Pair("float64", "float64"), ()),
        (torch.nn.BatchNorm1d, "one_step_moves_the_running_mean", HALF, ()),
        (Wrapped, "output_is_the_normalized_batch", HALF, ()),
        (CleanBatchNorm1d, "output_is_the_normalized_batch", HALF, ()),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_deviation_that_torch_itself_does_not_show_any_more_is_told(
    monkeypatch: pytest.MonkeyPatch, target: object, rule: str, pair: Pair, gone: tuple[str, ...]
) -> None:
    monkeypatch.setattr(witnesses, "deviations_of", lambda *asked: (MENDED,))
    result = Judge(load_target(target), Budget(examples=5)).check(BY_NAME[rule], pair)

    assert (result.status, result.gone) == ("passed", gone)


def test_a_deviation_that_torch_shows_is_not_told_to_be_gone() -> None:
    stale = deviation_of("stale evaluation gradient")
    result = Judge(load_target(torch.nn.BatchNorm1d), Budget(examples=5)).check(BY_NAME[stale.shown_by], PAIRS[0])

    assert (result.status, result.gone) == ("known deviation", ())


LOSING = Deviation(
    name="shifted",
    reason="the device is lost for the process",
    link="https://github.com/pytorch/pytorch/",
    concerns=lambda property, pair: True,
    region=lambda property, case: "offset" in case.layout or property.name == "every_layout_agrees_with_the_contiguous_one",
    witness=lambda pair: Case(pair, np.ones((2, 1), pair.input_dtype), np.ones((2, 1), pair.input_dtype), layout="offset"),
    as_torch=lambda property, trial: property.body(trial),
    instead=lambda case: case.but(layout="contiguous"),
    device=None,
    loses_device=f"raise SystemExit({LOST})",
)


class RefusesShifted(torch.nn.BatchNorm1d):
    """Stands for a kernel that loses the device where a batch begins inside its memory."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert not (x.is_contiguous() and x.storage_offset())
        return super().forward(x)


def test_a_case_that_would_lose_the_device_is_met_without_being_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deviations, "LOSING", (LOSING,))
    monkeypatch.setattr(witnesses, "deviations_of", lambda *asked: (LOSING,))  # so that its witness is among the cases
    rules = [BY_NAME[name] for name in ("output_is_the_normalized_batch", "every_layout_agrees_with_the_contiguous_one")]
    plain, lays_out = Judge(TorchImplementation(RefusesShifted, "shifted"), Budget(examples=30)).check_together(rules, PAIRS[0])

    assert (plain.status, plain.violation) == ("known deviation", None)
    assert LOSING.link in plain.message
    assert (lays_out.status, lays_out.message) == ("unsupported", LOSING.reason)


def test_a_case_that_loses_the_device_of_nobody_else_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deviations, "LOSING", (LOSING,))
    trial = Trial(Laboratory(Watched(TorchImplementation(CleanBatchNorm1d, "clean"))), LOSING.witness(PAIRS[0]))

    assert without_losing_the_device(BY_NAME["output_is_the_normalized_batch"], trial) == (trial, [])


@pytest.mark.parametrize(
    ("script", "shows"), [(f"raise SystemExit({LOST})", True), ("raise SystemExit(1)", False), ("pass", False)]
)
def test_who_keeps_the_device_is_not_spared(script: str, shows: bool) -> None:
    assert replace(LOSING, loses_device=script).shows("cpu") == shows


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA is what cuDNN needs")
@pytest.mark.parametrize("deviation", [one for one in DEVIATIONS if one.loses_device], ids=lambda deviation: deviation.name)
def test_torch_loses_the_device_until_it_is_mended(deviation: Deviation) -> None:
    assert deviation.shows(str(deviation.device))


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda deviation: deviation.name)
def test_a_deviation_has_a_reason_and_a_link(deviation: Deviation) -> None:
    assert deviation.reason
    assert deviation.link.startswith(
        "https://github.com/pytorch/pytorch/" if TORCH in deviation.libraries else "https://github.com/"
    )


def test_a_step_that_cannot_be_asked_for_runs_through_no_kernel_that_would_count() -> None:
    """The function has no evaluation without running statistics, and trains as torch does where there are none."""
    rule, function = BY_NAME["every_layout_agrees_with_the_contiguous_one"], load_target(torch.nn.functional.batch_norm)

    assert function.kernels(deviation_of("half precision, strided").witness(PAIRS[3]), training=False) == {"torch"}
    assert Judge(function, Budget(examples=30)).check(rule, PAIRS[3]).status == "known deviation"


def deviation_of(name: str) -> Deviation:
    return next(deviation for deviation in DEVIATIONS if deviation.name == name)


OTHERS = [deviation for deviation in DEVIATIONS if TORCH not in deviation.libraries]


@pytest.mark.parametrize("deviation", OTHERS, ids=lambda deviation: deviation.name)
def test_what_another_library_does_excuses_nobody_else(deviation: Deviation) -> None:
    concerned = [property for property in PROPERTIES if deviation.concerns(property, HALF)]
    trial = Trial(Laboratory(Watched(TorchImplementation(torch.nn.BatchNorm1d, "torch"))), deviation.witness(HALF))

    assert concerned
    assert not any(deviations.runs_through(deviation, property, trial) for property in concerned)


def test_the_witness_of_another_library_lies_in_its_region() -> None:
    for deviation in OTHERS:
        (property_, *_) = [property for property in PROPERTIES if deviation.concerns(property, HALF)]
        witness = deviation.witness(HALF)

        assert deviation.region(property_, witness) or deviation.name == "negative variance"  # whose convention it needs
