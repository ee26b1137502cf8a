"""What the strategies reach, what they shrink to, and how often each kind of channel comes."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis import strategies as st

from bn_reference.arithmetic.precision import PAIRS, Pair, format_of
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import LAYOUTS, to_matrix
from bn_reference.cases.profiles import PROFILES
from bn_reference.cases.strategies import EPS, MOMENTUM, cases, lattice_cases, profiled_cases

FLOAT32 = PAIRS[0]
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of a large case that find() has found
SEARCH = settings(max_examples=3000, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


def find_any(predicate: Callable[[Case], bool], pair: Pair = FLOAT32) -> Case:
    """Some case of which the predicate holds; fails where 3000 draws have none."""
    return find(cases(pair), predicate, settings=settings(SEARCH, phases=[Phase.generate]))


def minimal(strategy: st.SearchStrategy[Case], predicate: Callable[[Case], bool]) -> Case:
    """What the shrinker makes of such a case."""
    return find(strategy, predicate, settings=SEARCH)


def finite(case: Case) -> np.ndarray:
    return to_matrix(case.x).astype(np.float64)


REACHED: dict[str, Callable[[Case], bool]] = {
    "rank 2": lambda case: case.x.ndim == 2,
    "rank 3": lambda case: case.x.ndim == 3,
    "one position": lambda case: case.x.ndim == 3 and case.x.shape[2] == 1,
    "one sample of several positions": lambda case: case.x.ndim == 3 and case.x.shape[0] == 1,
    "as many positions as channels": lambda case: case.x.ndim == 3 and case.x.shape[1] == case.x.shape[2] > 1,
    "channels not a power of two": lambda case: case.channels & (case.channels - 1) != 0,
    "two rows": lambda case: case.rows == 2,
    "more than 256 positions": lambda case: case.x.ndim == 3 and case.x.shape[2] > 256,
    "more than 4096 rows": lambda case: case.rows > 4096,
    "more than 64 channels": lambda case: case.channels > 64,
    "without affine parameters": lambda case: not case.affine,
    "affine without tracking": lambda case: case.affine and not case.tracks,
    "neither": lambda case: not case.affine and not case.tracks,
    "negative weight": lambda case: case.affine and bool((case.weight < 0).any()),
    "fresh statistics": lambda case: case.tracks and case.batches == 0,
    "a large counter": lambda case: case.batches > 500,
    "kappa above 1e5": lambda case: bool((np.abs(finite(case).mean(0)) > 1e5 * finite(case).std(0)).any()),
    "different layouts of x and dy": lambda case: case.layout != case.grad_layout,
}


@pytest.mark.parametrize("name", REACHED)
def test_the_strategies_reach(name: str) -> None:
    with np.errstate(all="ignore"):
        assert find_any(REACHED[name])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_input_and_gradient_is_drawn(layout: str) -> None:
    assert find_any(lambda case: case.layout == layout)
    assert find_any(lambda case: case.grad_layout == layout)


@pytest.mark.parametrize("eps", EPS)
def test_every_eps_is_drawn(eps: float) -> None:
    assert find_any(lambda case: case.eps == eps)


@pytest.mark.parametrize("momentum", MOMENTUM)
def test_every_momentum_is_drawn(momentum: float | None) -> None:
    assert find_any(lambda case: case.momentum == momentum and type(case.momentum) is type(momentum))


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_arrays_have_the_dtypes_of_the_pair(pair: Pair) -> None:
    case = find_any(lambda case: case.affine and case.tracks, pair)

    assert {case.x.dtype, case.grad_y.dtype} == {pair.input_dtype}
    assert {a.dtype for a in (case.weight, case.bias, case.running_mean, case.running_var)} == {pair.parameter_dtype}


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_no_kind_of_channel_is_rarer_than_two_percent(pair: Pair) -> None:
    seen: Counter[str] = Counter()

    @seed(0)
    @settings(max_examples=500, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(cases(pair))
    def count(case: Case) -> None:
        seen.update(case.kinds)

    count()
    assert set(seen) == {"lattice", *PROFILES}
    assert min(seen.values()) >= 0.02 * seen.total(), seen


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_stays_in_range_but_for_what_it_pollutes(name: str, pair: Pair) -> None:
    z = np.random.default_rng(0).standard_normal((33, 40))

    x = PROFILES[name](z, np.random.default_rng(1), format_of(pair.input_dtype)).astype(pair.input_dtype).astype(np.float64)

    assert np.count_nonzero(~np.isfinite(x), axis=0).tolist() == [int(name in ("NaN", "infinity"))] * 40


def test_the_smallest_case_is_two_zeros_on_the_lattice_with_the_default_options() -> None:
    case = minimal(lattice_cases(FLOAT32), lambda case: True)

    assert case.x.tolist() == [[[0.0, 0.0]]]
    assert (case.eps, case.momentum, case.affine, case.tracks, case.layout) == (1e-5, 0.1, True, True, "contiguous")


def test_a_varying_channel_shrinks_to_a_zero_and_a_one() -> None:
    case = minimal(lattice_cases(FLOAT32), lambda case: bool(case.x.std() > 0))

    assert sorted(case.x.ravel().tolist()) == [0.0, 1.0]


def test_a_large_mean_shrinks_to_short_numbers() -> None:
    case = minimal(lattice_cases(FLOAT32), lambda case: bool(abs(case.x.mean()) > 30 * case.x.std() > 0))

    assert case.x.size == 2
    assert all(float(value * 8).is_integer() for value in case.x.ravel())


def test_a_profiled_case_shrinks_to_one_plain_channel() -> None:
    case = minimal(profiled_cases(FLOAT32), lambda case: True)

    assert case.kinds == ("plain",)
