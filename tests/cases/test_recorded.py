"""Recordings are read as they were written, refused where no case could be made of them, and shrink to few numbers."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import find, settings
from hypothesis.errors import NoSuchExample

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.cases.recorded import recorded_cases
from bn_reference.cases.recording import Batch, Recording, UnusableRecording, read_recording, write_recording

TWO_VALUES = "but must have two values a channel at least, and a channel"
FITTING = "but must hold numbers that fit its name"
SINGLE = Pair("float32", "float32")


def batch(number: int, shape: tuple[int, ...] = (9, 4)) -> Batch:
    rng = np.random.default_rng(number)
    vector = [rng.random(shape[1]).astype(np.float32) for _ in range(4)]
    x, grad_y = (rng.standard_normal(shape).astype(np.float32) for _ in range(2))
    return Batch(f"batch {number}", x, grad_y, *vector, 7 + number, 1e-5, 0.1)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A recording of a batch (9, 4) and another (3, 2, 5)."""
    write_recording(tmp_path / "some.npz", Recording("two batches", (batch(0), batch(1, (3, 2, 5)))))
    return str(tmp_path / "some.npz")


def smallest(path: str, condition: Any = lambda case: True) -> Case:
    return find(recorded_cases(path, SINGLE), condition, settings=settings(database=None, derandomize=True, max_examples=2000))


def test_what_was_written_is_read(path: str) -> None:
    recording = read_recording(path)

    first, second = recording.batches
    assert recording.title == "two batches"
    assert [first.title, second.title] == ["batch 0", "batch 1"]
    assert np.array_equal(second.grad_y, batch(1, (3, 2, 5)).grad_y)
    assert (second.num_batches_tracked, second.eps, second.momentum) == (8, 1e-5, 0.1)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_case_has_the_recorded_numbers_rounded_to_its_dtypes(path: str, pair: Pair) -> None:
    def is_whole(case: Case) -> bool:
        return case.x.shape == (9, 4) and case.affine and case.tracks and case.batches > 0

    case = find(recorded_cases(path, pair), is_whole, settings=settings(database=None, derandomize=True))

    given = batch(0)
    assert np.array_equal(case.x, given.x.astype(pair.input_dtype))
    assert np.array_equal(case.running_var, given.running_var.astype(pair.parameter_dtype))
    assert (case.eps, case.batches) == (1e-5, 7)
    assert case.kinds == tuple(f"batch 0, channel {c}" for c in range(4))


def test_it_shrinks_to_two_rows_of_one_channel(path: str) -> None:
    case = smallest(path)

    assert (case.x.shape, case.layout, case.kinds) == ((2, 1), "contiguous", ("batch 0, channel 0",))


@pytest.mark.parametrize(
    "condition",
    [
        lambda case: case.x.shape == (9, 4),
        lambda case: case.x.shape == (3, 2, 5),
        lambda case: case.x.shape[1] == 1 and case.kinds == ("batch 1, channel 1",),
        lambda case: not case.affine and not case.tracks,
        lambda case: case.tracks and case.batches == 0,
        lambda case: case.momentum is None,
        lambda case: case.layout == "channels last" and case.x.ndim == 3,
    ],
)
def test_what_properties_ask_for_is_found(path: str, condition: Any) -> None:
    assert condition(smallest(path, condition))


def test_what_no_recording_holds_is_not_found(path: str) -> None:
    with pytest.raises(NoSuchExample):
        smallest(path, lambda case: case.rows < 2)


def test_equal_recipes_are_one_case(path: str) -> None:
    case = smallest(path)

    assert case.recipe.realize() is case


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"x": np.zeros((9, 4, 1, 1))}, "'0/x' of {path} has the shape (9, 4, 1, 1), but must be (N, C) or (N, C, L)"),
        ({"x": np.zeros((1, 4))}, "'0/x' of {path} has the shape (1, 4), " + TWO_VALUES),
        ({"x": np.zeros((9, 0))}, "'0/x' of {path} has the shape (9, 0), " + TWO_VALUES),
        ({"grad_y": np.zeros((9, 3))}, "'0/grad_y' of {path} has the shape (9, 3), but must have (9, 4), to go with its x"),
        ({"weight": np.zeros(3)}, "'0/weight' of {path} has the shape (3,), but must have (4,), to go with its x"),
        ({"x": np.zeros((9, 4), int)}, "'0/x' of {path} has the dtype int64, " + FITTING),
        ({"bias": np.full(4, np.nan)}, "'0/bias' of {path} holds NaN or infinity, but must be finite"),
        ({"num_batches_tracked": 1.5}, "'0/num_batches_tracked' of {path} has the dtype float64, " + FITTING),
        ({"eps": 0.0}, "'0/eps' of {path} is 0.0, but must be positive"),
        ({"running_var": -np.ones(4)}, "'0/running_var' of {path} holds a negative number, but must hold variances"),
    ],
)  # fmt: skip
def test_an_entry_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = tmp_path / "wrong.npz"
    write_recording(path, Recording("wrong", (replace(batch(0), **changes),)))

    with pytest.raises(UnusableRecording) as refused:
        read_recording(str(path))

    assert str(refused.value) == f"the entry {said.format(path=path)}; record it again"


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    texts, pickled, empty, lacking = (tmp_path / f"{name}.npz" for name in ("texts", "pickled", "empty", "lacking"))
    texts.write_text("x")
    np.savez(pickled, **{"0/x": np.array([{}], dtype=object)})
    np.savez(empty)
    np.savez(lacking, **{"0/x": np.zeros((2, 1))})

    for path, said in (
        (texts, f"the recording {texts} is no .npz file ("),
        (pickled, f"the recording {pickled} is no .npz file (Object arrays cannot be loaded"),
        (empty, f"the recording {empty} has no entry '0/x', but must have one batch at least; record some"),
        (lacking, f"the recording {lacking} lacks the entry '0/grad_y', which every batch must have; add it"),
        (tmp_path / "none.npz", f"the recording {tmp_path / 'none.npz'} is not there; check the path, which is read from "),
    ):
        with pytest.raises(UnusableRecording) as refused:
            read_recording(str(path))
        assert str(refused.value).startswith(said)


def test_a_layer_without_parameters_statistics_and_momentum_is_recorded_so(tmp_path: Path) -> None:
    path = str(tmp_path / "bare.npz")
    lacking = {"weight": None, "bias": None, "running_mean": None, "running_var": None, "momentum": None}
    write_recording(Path(path), Recording("bare", (replace(batch(0), **lacking),)))
    [read] = read_recording(path).batches
    seek = settings(derandomize=True, database=None)
    whole = find(recorded_cases(path, SINGLE), lambda case: case.affine and case.tracks, settings=seek)

    assert {name: getattr(read, name) for name in lacking} == lacking
    assert whole.weight is not None
    assert whole.running_var is not None
    assert set(whole.weight.tolist()) == set(whole.running_var.tolist()) == {1.0}


def test_of_mean_and_variance_none_is_there_alone(tmp_path: Path) -> None:
    path = tmp_path / "half.npz"
    write_recording(path, Recording("half", (replace(batch(0), running_var=None),)))

    said = f"the entry '0/running_mean' of {path} has no '0/running_var' beside it, but must have it, or not be there either"
    with pytest.raises(UnusableRecording, match=f"^{re.escape(said)}; record it again$"):
        read_recording(str(path))
