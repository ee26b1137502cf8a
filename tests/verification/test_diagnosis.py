"""Explanations are true: of what is known to be wrong the true word is said, or none."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from bn_reference.arithmetic.double_double import DoubleDouble
from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.oracle.bounded import Bounded
from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.power.controls import CONTROLS
from bn_reference.power.declaration import Control, Mutant
from bn_reference.power.explanations import LAYERS, UNSAID, WORDLESS, WORDS, row
from bn_reference.power.mutants.calls import CALLS
from bn_reference.power.mutants.lives import LIVES
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.watched import Watched
from bn_reference.verification.diagnosis import diagnose, diagnose_life
from bn_reference.verification.evidence import Verdict, weigh, weigh_inexact
from bn_reference.verification.generic import generic_cases, variants
from bn_reference.verification.rivals import OF_THE_PRECISION, QUANTITIES, RIVALS, truth

FLOAT32 = PAIRS[0]
BY_NAME = {layer.name: layer for layer in (*LAYERS, *CONTROLS)}


def case(pair: Pair = FLOAT32, rows: int = 8, **options: object) -> Case:
    """A batch that is not one of the generic ones."""
    rng = np.random.default_rng(rows)
    x, grad_y = (rng.standard_normal((rows, 3)).astype(pair.input_dtype) for _ in range(2))
    vector = np.array([1.5, -0.5, 2.0], pair.parameter_dtype)
    given = {"weight": vector, "bias": vector, "running_mean": vector, "running_var": np.abs(vector), "batches": 3}
    return Case(pair, x, grad_y, **{**given, **options})  # type: ignore[arg-type]


def two_zeros(**options: object) -> Case:
    """The smallest case there is: without eps it is 0 / 0."""
    one = np.ones(1, np.float32)
    given = {"weight": one, "bias": one, "running_mean": one, "running_var": one}
    return Case(FLOAT32, np.zeros((2, 1), np.float32), np.array([[1], [2]], np.float32), **{**given, **options})  # type: ignore[arg-type]


def said(name: str, quantity: str, *cases: Case, training: bool = True) -> str:
    layer = BY_NAME[name]
    rival = diagnose(TorchImplementation(layer.factory, name), quantity, training, cases)
    return "" if rival is None else rival.name


@pytest.mark.parametrize(
    ("name", "quantity", "training"),
    [
        ("unbiased_normalization", "y", True),
        ("unbiased_and_derived", "grad_x", True),
        ("biased_running_variance", "running_var", True),
        ("momentum_reversed", "running_mean", True),
        ("variance_never_moves", "running_var", True),
        ("updated_in_the_backward_pass", "running_mean", True),
        ("updated_in_eval", "running_mean", False),
        ("eps_forgotten", "y", False),
        ("absolute_weight", "y", True),
        ("one_added_to_the_weight", "y", False),
        ("mean_taken_for_constant", "grad_x", True),
        ("weight_gradient_one_percent_low", "grad_weight", True),
        ("one_added", "y", True),
        ("output_kept_by_shape", "y", True),
    ],
)
def test_a_slip_is_named(name: str, quantity: str, training: bool) -> None:
    met = case(rows=2, eps=0.125)
    if name == "output_kept_by_shape":  # the first output of a shape is the one that is right
        said(name, quantity, met.but(x=-met.x))

    assert said(name, quantity, met, training=training) == WORDS[name]


@pytest.mark.parametrize(
    "name",
    ["seven_where_constant", "gradients_of_na_n", "gradients_of_zero", "output_of_na_n", "output_of_zero", "freed_memory"],
)
@pytest.mark.parametrize("quantity", ["y", "grad_x", "grad_bias"])
def test_what_has_no_word_is_not_given_one(name: str, quantity: str) -> None:
    assert said(name, quantity, two_zeros(), case()) == ""


@pytest.mark.parametrize("name", ["clean", "torch_reductions", "derived_gradient", "folded_scale_and_shift"])
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_nothing_is_said_of_a_control(name: str, quantity: str) -> None:
    assert said(name, quantity, case()) == ""


def test_what_is_cut_off_is_not_said_to_be_rounded_inside() -> None:
    """A number that is computed exactly and cut off is nowhere further off than one unit, which a half inside may be."""
    halves = {name: Pair(name, "float32") for name in ("float16", "bfloat16")}

    assert said("truncated_to_bfloat16", "y", case(halves["bfloat16"])) == ""
    assert said("mean_rounded_to_the_input", "y", case(halves["float16"])) == WORDS["mean_rounded_to_the_input"]


def test_an_infinite_bound_explains_nothing() -> None:
    """On two zeros, without eps, whatever is seen would agree: y + 1 was told to leave eps out."""
    assert said("one_added", "y", two_zeros(), two_zeros()) == "constant_term"
    assert said("seven_where_constant", "y", two_zeros(), two_zeros()) == ""


def test_the_option_with_which_alone_it_shows_is_told() -> None:
    without = case(weight=None, bias=None)
    rival = diagnose(
        TorchImplementation(BY_NAME["no_update_without_affine"].factory, ""), "running_mean", True, [without, without]
    )

    assert rival is not None
    assert rival.sentence == "the running statistics are not updated (seen only without weight and bias)"


STANDS_STILL = "statistics_stand_still_without_gradients"
LIVED = {mutant.name: mutant for mutant in (*LIVES.mutants, *CALLS.mutants)}


def said_of_a_life(name: str, quantity: str, circumstances: tuple[str, ...], *, training: bool) -> str:
    lived = case(eps=0.5, circumstances=circumstances)
    layer = Watched(TorchImplementation(LIVED[name].factory, name))
    rival = diagnose_life(layer, quantity, training, [lived, lived])
    return "" if rival is None else rival.sentence.removesuffix(" (in these circumstances alone)")


@pytest.mark.parametrize(
    ("name", "quantity", "training", "circumstances", "sentence"),
    [
        ("second_step_forgotten", "y", True, ("train",), "the output is zero (seen only in training)"),
        ("first_parameters_kept", "y", True, ("evaluate",), "weight and bias are those that the layer was built with"),
        ("parameters_by_version", "y", True, ("train", "settle by data"), "weight is the one that the layer was built with"),
        ("variance_by_shape", "y", True, ("train",), "the variance is that of the batch before"),
        ("eps_of_construction", "y", False, ("settle hyperparameters",), "eps is that of construction, not the one set later"),
        ("copy_loses_its_eps", "y", True, ("copy",), "eps is fixed at 1e-5, whatever was asked for"),
        ("evaluation_stops_the_updates", "running_var", True, ("evaluate",), "the running statistics are not updated"),
        (STANDS_STILL, "running_mean", True, ("unrecorded",), "the running statistics are not updated"),
        ("wrong_under_no_grad", "y", False, ("unrecorded",), "the output is 1 more than it should be, in every element"),
    ],
)  # fmt: skip
def test_a_slip_of_a_life_is_named(
    name: str, quantity: str, training: bool, circumstances: tuple[str, ...], sentence: str
) -> None:
    assert said_of_a_life(name, quantity, circumstances, training=training) == sentence


def test_what_a_fresh_layer_shows_as_well_is_no_slip_of_a_life() -> None:
    lived = case(eps=0.5, circumstances=("train",))
    layer = Watched(TorchImplementation(BY_NAME["eps_forgotten"].factory, "eps_forgotten"))

    assert diagnose_life(layer, "y", True, [lived, lived]) is None


def test_a_slip_of_a_fresh_layer_is_told_by_fresh_layers() -> None:
    """The case that broke the rule may have circumstances; what tells slips apart has none."""
    lived = case(rows=16, circumstances=("train", "same memory"))
    layer = Watched(TorchImplementation(BY_NAME["output_kept_by_shape"].factory, "output_kept_by_shape"))
    diagnose(layer, "y", True, [lived.but(x=-lived.x)])  # the first output of a shape is the one that is right

    named = diagnose(layer, "y", True, [lived])

    assert named is not None
    assert named.name == "output_of_an_earlier_batch"


def test_nothing_is_said_of_a_life_that_does_no_harm() -> None:
    assert said_of_a_life("copy_loses_its_eps", "y", ("train",), training=True) == ""


def test_a_layer_that_raises_is_not_explained() -> None:
    class Raises(CleanBatchNorm1d):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no kernel")

    assert diagnose(Watched(TorchImplementation(Raises, "raises")), "y", True, [case()]) is None


def test_names_and_sentences_belong_together() -> None:
    rivals = (*RIVALS, *OF_THE_PRECISION)

    assert len({rival.name for rival in rivals}) == len({(rival.name, rival.sentence) for rival in rivals})


@pytest.mark.parametrize("options", [{}, {"weight": None, "bias": None}, {"running_mean": None, "running_var": None}], ids=str)
def test_every_rival_speaks_of_a_generic_case_in_its_form(options: dict[str, None]) -> None:
    original = case(momentum=None, **options)
    generic = generic_cases(original)[1]
    with np.errstate(all="ignore"):
        for rival, what in itertools.product(RIVALS, QUANTITIES):
            expected, right = rival.expect(generic, True, what), truth(generic, True, what)
            if expected is not None:
                assert right is not None
                assert expected.bound.shape == right.bound.shape


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_generic_cases_have_finite_bounds(pair: Pair) -> None:
    original = case(pair, momentum=None)
    with np.errstate(all="ignore"):
        for each in (*generic_cases(original), *(other for _, other in variants(original))):
            right = truth(each, True, "y")
            assert right is not None
            assert np.isfinite(right.bound).all()


# evidence


def bound(value: float, within: float, polluted: bool = False) -> Bounded:
    return Bounded(np.array([value]), np.array([within]), np.array([polluted]))


@pytest.mark.parametrize(
    ("seen", "right", "wrong", "verdict"),
    [
        (1.0, bound(0, 0.1), bound(1, 0.1), Verdict.SUPPORTS),
        (0.0, bound(0, 0.1), bound(1, 0.1), Verdict.CONTRADICTS),
        (np.nan, bound(0, 0.1), bound(1, 0.1), Verdict.CONTRADICTS),
        (0.1, bound(0, 0.1), bound(0.1, 0.1), Verdict.SILENT),  # the truth is not excluded
        (1.0, bound(0, 0.1), bound(1, np.inf), Verdict.SILENT),
        (1.0, bound(0, np.inf), bound(1, 0.1), Verdict.SILENT),
        (5.0, bound(0, 0.1), bound(np.nan, np.inf), Verdict.SILENT),
        (np.nan, bound(0, 0.1), bound(np.nan, np.inf), Verdict.SILENT),  # 0 / 0, but a NaN may come from anywhere
        (7.0, bound(np.nan, np.inf, polluted=True), bound(1, 0.1), Verdict.SILENT),
    ],
)
def test_an_element_is_weighed(seen: float, right: Bounded, wrong: Bounded, verdict: Verdict) -> None:
    with np.errstate(all="ignore"):
        assert weigh(np.array([seen]), right, wrong) is verdict


@pytest.mark.parametrize(
    ("seen", "wider", "verdict"),
    [
        (1.05, bound(1, 0.1), Verdict.SUPPORTS),
        (1.05, bound(1, 2.0), Verdict.SILENT),  # zero would have agreed too
        (1.001, bound(1, 0.1), Verdict.SILENT),  # that is right
        (1.2, bound(1, 0.1), Verdict.CONTRADICTS),
        (1.2, bound(1, np.inf), Verdict.SILENT),
    ],
)
def test_an_inexact_element_is_weighed(seen: float, wider: Bounded, verdict: Verdict) -> None:
    assert weigh_inexact(np.array([seen]), bound(1, 0.01), wider) is verdict


def test_doubles_are_weighed_in_their_own_carrier() -> None:
    right, wrong = (
        Bounded(DoubleDouble(np.ones(1), np.full(1, low)), np.full(1, 2.0**-80), np.zeros(1, bool)) for low in (0.0, 2.0**-60)
    )

    assert weigh(np.ones(1), right, wrong) is Verdict.CONTRADICTS


# all that is known to be wrong


def test_words_are_those_of_layers() -> None:
    assert set(WORDS) <= {layer.name for layer in LAYERS}


def test_the_table_of_what_is_said_has_every_layer() -> None:
    table = Path(__file__).parents[2] / "docs" / "explanations.md"
    rows = [line for line in table.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]

    assert [line.split("|")[1].strip() for line in rows[1:]] == [layer.name for layer in LAYERS]


@pytest.mark.nightly
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_no_word_is_false(layer: Mutant | Control) -> None:
    told = row(layer)

    assert told.truth == ("right" if layer.name in WORDS.keys() - UNSAID else "silent"), told


@pytest.mark.nightly
@pytest.mark.parametrize("layer", WORDLESS, ids=lambda layer: layer.name)
def test_nothing_is_said_of_what_has_no_word(layer: Mutant) -> None:
    assert row(layer, [FLOAT32]).truth == "silent"


@pytest.mark.nightly
@pytest.mark.parametrize("number", range(len(LAYERS)), ids=lambda number: LAYERS[number].name)
def test_no_word_is_false_in_another_pair(number: int) -> None:
    told = row(LAYERS[number], [PAIRS[1 + number % 5]], examples=15)

    assert told.truth != "wrong", told


@pytest.mark.nightly
@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_nothing_is_said_of_any_control(control: Control, pair: Pair) -> None:
    met = case(pair)

    assert [said(control.name, what, met, training=mode) for what in QUANTITIES for mode in (True, False)] == [""] * 12
