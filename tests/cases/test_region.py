"""Regions hold of the cases that they say, are read as they are written, and are said in words."""

from typing import Any

import numpy as np
import pytest

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.region import EVERYWHERE, Region, features_of, region_read
from bn_reference.reports.regions import say_region


def case(*shape: int, **changes: Any) -> Case:
    x, vector = np.zeros(shape, np.float32), np.ones(shape[1], np.float32)
    return Case(PAIRS[0], x, x, vector, vector, vector, vector).but(**changes)


@pytest.mark.parametrize(
    ("region", "inside", "outside"),
    [
        (Region(dimensions=(3,)), case(2, 3, 4), case(2, 3)),
        (Region(rows=(8, None)), case(2, 3, 4), case(7, 3)),
        (Region(rows=(None, 7)), case(7, 3), case(2, 3, 4)),
        (Region(channels=(2, 3)), case(7, 3), case(7, 4)),
        (Region(affine=False), case(2, 3, weight=None, bias=None), case(2, 3)),
        (Region(tracks=True), case(2, 3), case(2, 3, running_mean=None, running_var=None)),
        (Region(cumulative=True), case(2, 3, momentum=None), case(2, 3)),
        (Region(layouts=("sliced",)), case(2, 3, layout="sliced"), case(2, 3, grad_layout="sliced")),
        (Region(grad_layouts=("sliced",)), case(2, 3, grad_layout="sliced"), case(2, 3, layout="sliced")),
        (Region(circumstances=()), case(2, 3), case(2, 3, circumstances=("train",))),
        (Region(circumstances=("copy", "load")), case(2, 3, circumstances=("train", "load")), case(2, 3)),
        (Region(affine=True, rows=(2, 2)), case(2, 3), case(3, 3)),
    ],
)
def test_a_region_has_some_cases_and_not_others(region: Region, inside: Case, outside: Case) -> None:
    assert EVERYWHERE.has(features_of(outside))
    assert (region.has(features_of(inside)), region.has(features_of(outside))) == (True, False)
    assert region_read(region.to_plain()) == region


@pytest.mark.parametrize(
    ("shape", "layout", "lies"),
    [
        ((4, 3), "channels last", "contiguous"),
        ((4, 3, 2), "channels last", "channels last"),
        ((4, 3, 1), "channels last", "contiguous"),
        ((4, 1), "transposed", "contiguous"),
        ((4, 3), "transposed", "transposed"),
        ((4, 1), "sliced", "sliced"),
    ],
)
def test_what_lies_in_order_for_its_shape_counts_as_contiguous(shape: tuple[int, ...], layout: str, lies: str) -> None:
    assert features_of(case(*shape, layout=layout)).layout == lies


@pytest.mark.parametrize(
    ("region", "said"),
    [
        (EVERYWHERE, "every case"),
        (Region(dimensions=(3,), layouts=("transposed", "sliced")), "x (N, C, L), transposed or sliced"),
        (
            Region(rows=(1025, None), channels=(2, 4), affine=False),
            "x 1,025 rows or more, 2 to 4 channels; without weight and bias",
        ),
        (Region(cumulative=True, tracks=True), "with running statistics; momentum None"),
        (Region(circumstances=()), "a fresh layer, called as usual"),
        (
            Region(grad_layouts=("sliced",), circumstances=("train", "evaluate")),
            "dy sliced; circumstances: one of: a training step on another batch, an evaluation of another batch",
        ),
    ],
)
def test_a_region_in_words(region: Region, said: str) -> None:
    assert say_region(region) == said


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ({"row": 3}, "'row' is no condition on a case; choose from dimensions, rows, channels, affine, "),
        ({"rows": 3}, "rows is 3, but must be { least = 2, most = 9 }, or one of the two"),
        ({"rows": {"from": 3}}, "rows is {'from': 3}, but must be { least = 2, most = 9 }, or one of the two"),
        ({"affine": "no"}, "affine is 'no', but must be true or false"),
        ({"layouts": ["upside down"]}, "layouts has 'upside down' in it; choose from contiguous, transposed, "),
        ({"layouts": []}, "layouts has nothing in it; choose from contiguous, "),
        ({"dimensions": 3}, "dimensions is 3, but must be a list"),
    ],
)
def test_what_is_no_region_is_refused(plain: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        region_read(plain)

    assert str(refused.value).startswith(said)
