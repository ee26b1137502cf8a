"""Causes, on results that are made by hand."""

import pytest

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.facts import Fact, Kind, Raised
from bn_reference.oracle.compare import Comparison, fact
from bn_reference.properties import PROPERTIES
from bn_reference.reports.results import Result, Violation
from bn_reference.verification.causes import causes_of

FAMILY = {property.name: property.family for property in PROPERTIES}
Y, MEAN_OF_Y = "output_is_the_normalized_batch", "output_mean_is_the_bias"
Y_IN_EVAL, ROW_IN_EVAL = "evaluation_uses_the_running_statistics", "a_row_does_not_depend_on_its_companions"
GRAD_X, GRAD_WEIGHT = "training_gradient_of_the_input", "training_gradient_of_the_weight"
GRADS_IN_EVAL = "evaluation_gradients"
MEAN, VARIANCE, ACCUMULATES = (
    "one_step_moves_the_running_mean",
    "one_step_moves_the_running_variance",
    "a_sequence_of_batches_accumulates",
)
TWICE = "a_second_backward_pass_gives_the_same_bits"
FORM = "output_has_the_form_of_the_input"
F32, F64, F16 = PAIRS[0], PAIRS[1], PAIRS[2]


def broken(name: str, found: Comparison | Fact | str, pair: Pair = F32, diagnosis: str = "", script: str = "") -> Result:
    """A violation of the rule, by a comparison, by a fact, or by a wrong number of the quantity that is named."""
    if isinstance(found, str):
        found = Comparison(found, False, ratio=10.0, index=(0,), actual=2.0, expected=1.0, error=1.0, bound=0.1)
    elif isinstance(found, Fact):
        found = fact(False, found)
    violation = Violation("it is broken", found, diagnosis=diagnosis, reproducer=script)
    return Result(name, FAMILY[name], pair.input, pair.parameters, "cpu", "violated", examples=1, violation=violation)


def rules(*results: Result) -> list[tuple[str, ...]]:
    """The rules of each cause, the root first."""
    return [cause.properties for cause in causes_of(results)]


def test_what_is_not_violated_has_no_cause() -> None:
    passed = Result(Y, FAMILY[Y], "float32", "float32", "cpu", "passed", examples=3)

    assert causes_of([passed]) == ()
    assert causes_of([]) == ()


def test_an_exception_from_one_line_is_one_cause_whatever_it_says() -> None:
    def raised(name: str, text: str, line: int = 7, pair: Pair = F32) -> Result:
        return broken(name, Fact(Kind.RAISED, "forward", Raised("ValueError", text, "layer.py", line)), pair)

    one, other = raised(GRAD_X, "3 channels"), raised(Y, "5 channels", pair=F64)

    assert rules(one, other, raised(MEAN, "3 channels", line=9)) == [(Y, GRAD_X), (MEAN,)]


def test_shapes_differ_from_case_to_case_and_are_one_cause() -> None:
    shapes = [Fact(Kind.SHAPE, "y", (rows, 3), (rows + 1, 3)) for rows in (1, 2)]

    assert rules(broken(Y, shapes[0]), broken(MEAN_OF_Y, shapes[1])) == [(Y, MEAN_OF_Y)]


def test_crashes_of_two_kinds_are_two_causes() -> None:
    ends = [Fact(Kind.CRASHED, "an example", how) for how in ("SIGSEGV", "SIGSEGV", "exit status 3")]

    assert rules(*(broken(name, end) for name, end in zip((Y, GRAD_X, MEAN), ends, strict=True))) == [(Y, GRAD_X), (MEAN,)]


def test_the_deepest_comes_first_whatever_its_family() -> None:
    written, form = Fact(Kind.WRITTEN, "x"), Fact(Kind.FORM, "y", ((2, 1), "float64"), ((2, 1), "float32"))
    raised = Fact(Kind.RAISED, "backward", Raised("RuntimeError", "no", "layer.py", 3))

    found = rules(
        broken(Y, "y"), broken(FORM, form), broken("the_input_is_never_modified", written), broken(GRADS_IN_EVAL, raised)
    )

    assert found == [(GRADS_IN_EVAL,), ("the_input_is_never_modified",), (FORM,), (Y,)]


def test_a_number_where_there_is_none_is_no_deeper_than_a_wrong_one() -> None:
    finite = Fact(Kind.NO_VALUE, "grad_x", ((0, 0), 1.5), "NaN")

    assert rules(broken("what_flows_back_is_not_mended", finite), broken(Y, "y")) == [(Y,), ("what_flows_back_is_not_mended",)]


def test_one_quantity_in_one_mode_is_one_cause_with_the_direct_rule_as_its_root() -> None:
    results = [broken(ACCUMULATES, "running_mean"), broken(MEAN, "running_mean", F64)]

    (cause,) = causes_of(results)

    assert cause.root is results[1]
    assert cause.members == (results[1], results[0])
    assert cause.pairs == ("float64/float64", "float32/float32")


def test_among_pairs_of_dtypes_float32_is_the_root() -> None:
    results = [broken(Y, "y", pair) for pair in reversed(PAIRS)]

    (cause,) = causes_of(results)

    assert cause.root is results[-1]
    assert cause.pairs == tuple(map(str, PAIRS))


def test_training_and_eval_are_two_causes() -> None:
    assert rules(broken(Y, "y"), broken(Y_IN_EVAL, "y"), broken(ROW_IN_EVAL, "y")) == [(Y,), (Y_IN_EVAL, ROW_IN_EVAL)]


def test_the_running_statistics_are_two_causes() -> None:
    assert rules(broken(MEAN, "running_mean"), broken(VARIANCE, "running_var")) == [(MEAN,), (VARIANCE,)]


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([GRADS_IN_EVAL], [(GRADS_IN_EVAL, TWICE)]),
        ([GRAD_X, GRADS_IN_EVAL], [(GRAD_X, TWICE), (GRADS_IN_EVAL,)]),
        ([], [(TWICE,)]),
    ],
)
def test_a_rule_of_both_modes_goes_with_the_one_that_is_broken(others: list[str], expected: list[tuple[str, ...]]) -> None:
    assert rules(broken(TWICE, "grad_x"), *(broken(name, "grad_x") for name in others)) == expected


def test_one_explanation_is_one_cause() -> None:
    said = "eps is left out"
    found = [broken(Y_IN_EVAL, "y", diagnosis=said), broken(Y, "y", diagnosis=said), broken(VARIANCE, "running_var")]

    assert rules(*found) == [(Y, Y_IN_EVAL), (VARIANCE,)]


def test_what_nothing_explains_is_not_put_together() -> None:
    assert rules(broken(Y, "y"), broken(MEAN, "running_mean")) == [(Y,), (MEAN,)]


def test_gradients_that_read_a_wrong_output_stand_below_it() -> None:
    results = [broken(GRAD_X, "grad_x"), broken(GRAD_WEIGHT, "grad_weight"), broken(Y, "y"), broken(GRADS_IN_EVAL, "grad_x")]

    assert rules(*results) == [(Y, GRAD_X, GRAD_WEIGHT), (GRADS_IN_EVAL,)]


def test_gradients_in_eval_stand_below_the_output_in_eval() -> None:
    assert rules(broken(GRADS_IN_EVAL, "grad_bias"), broken(Y_IN_EVAL, "y")) == [(Y_IN_EVAL, GRADS_IN_EVAL)]


def test_gradients_with_an_explanation_of_their_own_stand_alone() -> None:
    explained = broken(GRAD_X, "grad_x", diagnosis="the gradient of x misses the term of the mean")

    assert rules(explained, broken(Y, "y")) == [(Y,), (GRAD_X,)]


def test_gradients_stand_alone_where_only_a_relation_of_the_output_is_broken() -> None:
    assert rules(broken(GRAD_X, "grad_x"), broken(MEAN_OF_Y, "y")) == [(GRAD_X,), (MEAN_OF_Y,)]


def test_gradients_stand_alone_where_they_are_wrong_in_a_pair_in_which_the_output_is_right() -> None:
    assert rules(broken(GRAD_X, "grad_x", F64), broken(Y, "y", F16)) == [(Y,), (GRAD_X,)]


def test_an_output_merged_by_its_explanation_still_takes_its_gradients() -> None:
    said = "eps is left out"
    results = [broken(Y, "y", diagnosis=said), broken(GRAD_X, "grad_x"), broken(Y_IN_EVAL, "y", diagnosis=said)]

    assert rules(*results) == [(Y, Y_IN_EVAL, GRAD_X)]


def test_what_was_not_tried_is_one_entry_and_the_last() -> None:
    left = [broken(name, Fact(Kind.NOT_TRIED, "", 3), pair) for name in (Y, GRAD_X) for pair in (F32, F64)]

    causes = causes_of([*left, broken(MEAN, "running_mean")])

    assert [len(cause.members) for cause in causes] == [1, 4]
    assert causes[1].root is left[0]


def test_every_violation_stands_in_one_cause() -> None:
    quantities = ("y", "grad_x", "running_mean", "running_var", "grad_bias")
    results = [broken(p.name, quantities[n % 5], pair) for n, p in enumerate(PROPERTIES) for pair in PAIRS]

    members = [result for cause in causes_of(results) for result in cause.members]

    assert sorted(map(id, members)) == sorted(map(id, results))
