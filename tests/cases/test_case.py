"""Cases are values: they print as code, cannot be changed, and the same recipe makes the same one."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn_reference.arithmetic.precision import PAIRS, Pair, Precision
from bn_reference.cases.case import Case
from bn_reference.cases.strategies import cases

NAMES = {"np": np, "ml_dtypes": ml_dtypes, "Case": Case, "Pair": Pair}
ARRAYS = ("x", "grad_y", "weight", "bias", "running_mean", "running_var")


def bits(array: np.ndarray | None) -> tuple[object, ...] | None:
    return None if array is None else (array.dtype, array.shape, array.tobytes())


@given(st.sampled_from(PAIRS).flatmap(cases))
def test_a_case_prints_as_code_that_rebuilds_it_bit_for_bit(case: Case) -> None:
    rebuilt = eval(repr(case), dict(NAMES))  # the property is that it is code

    assert [bits(getattr(rebuilt, name)) for name in ARRAYS] == [bits(getattr(case, name)) for name in ARRAYS]
    scalars = ("pair", "eps", "momentum", "batches", "layout", "grad_layout")
    assert [getattr(rebuilt, name) for name in scalars] == [getattr(case, name) for name in scalars]


def test_a_small_case_prints_its_numbers_for_people() -> None:
    case = Case(PAIRS[0], np.array([[3.0], [3.5]], np.float32), np.ones((2, 1), np.float32))

    assert "x=np.array([[3.0], [3.5]], np.float32)" in repr(case)


@given(cases(PAIRS[0]))
def test_the_arrays_of_a_case_cannot_be_written_to(case: Case) -> None:
    with pytest.raises(ValueError, match="read-only"):
        case.x[...] = 0


@given(cases(PAIRS[0]))
def test_the_same_recipe_makes_the_same_case_object(case: Case) -> None:
    assert case.recipe.realize() is case


def test_a_layer_without_parameters_and_statistics_is_judged_in_the_dtype_of_its_input() -> None:
    x = np.ones((2, 1), np.float16)

    assert Case(Pair("float16", "float32"), x, x).precision == Precision("float16", "float16")
