"""Axes and memory: a layout changes where numbers lie, never which numbers they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn_reference.cases.layouts import LAYOUTS, from_matrix, place, to_matrix

SHAPES = st.one_of(st.tuples(*[st.integers(0, 5)] * 2), st.tuples(*[st.integers(0, 5)] * 3))


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@given(SHAPES, st.sampled_from(LAYOUTS))
def test_the_view_of_a_placement_has_the_values_that_were_placed(shape: tuple[int, ...], layout: str) -> None:
    values = numbered(shape)

    assert place(values, layout).view().tobytes() == values.tobytes()


@given(SHAPES)
def test_the_matrix_of_a_batch_goes_back_to_the_batch(shape: tuple[int, ...]) -> None:
    batch = numbered(shape)

    assert from_matrix(to_matrix(batch), shape).tolist() == batch.tolist()


def test_row_n_l_plus_l_of_the_matrix_is_position_l_of_sample_n() -> None:
    batch = numbered((2, 3, 4))

    assert to_matrix(batch)[1 * 4 + 2].tolist() == batch[1, :, 2].tolist()


@pytest.mark.parametrize(
    ("layout", "strides"),
    [
        ("contiguous", (12, 4, 1)),
        ("offset", (12, 4, 1)),
        ("transposed", (1, 2, 6)),
        ("channels last", (12, 1, 3)),
        ("channels last at an offset", (12, 1, 3)),
        ("sliced", (96, 16, 2)),
    ],
)
def test_each_layout_has_its_strides(layout: str, strides: tuple[int, ...]) -> None:
    assert place(numbered((2, 3, 4)), layout).strides == strides


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_begins_inside_its_memory_says_so(layout: str) -> None:
    assert (place(numbered((2, 3, 4)), layout).offset > 0) == ("offset" in layout or layout == "sliced")


def test_equal_values_lie_expanded_with_stride_zero() -> None:
    assert place(np.ones((2, 3, 4), np.float32), "expanded").strides[2] == 0


def test_unequal_values_cannot_lie_expanded_and_lie_contiguous() -> None:
    assert place(numbered((2, 3)), "expanded").strides == (3, 1)


def test_gaps_between_the_elements_hold_nan_so_that_a_misread_shows() -> None:
    placement = place(numbered((2, 3)), "sliced")

    assert np.isnan(placement.buffer).sum() == placement.buffer.size - 6


def test_an_unknown_layout_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="layout is 'diagonal'; choose from contiguous, transposed"):
        place(numbered((2, 3)), "diagonal")
