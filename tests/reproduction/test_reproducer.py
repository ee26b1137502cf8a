"""A script of its own: it fails as the target does, passes once the target is mended, and does without this package."""

import base64
import math
import subprocess
import sys
import zlib
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch

from bn_reference import BatchNorm1d
from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Array, Case
from bn_reference.cases.layouts import LAYOUTS, place
from bn_reference.oracle.compare import Comparison
from bn_reference.properties import PROPERTIES
from bn_reference.reproduction.helpers import UNPACK
from bn_reference.reproduction.literals import array_literal, float_literal
from bn_reference.reproduction.reproducer import script
from bn_reference.targets.recognition import load_target
from bn_reference.targets.watched import Observed
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

SINGLE, DOUBLE, HALF = PAIRS[0], PAIRS[1], Pair("bfloat16", "float32")
BY_NAME = {property.name: property for property in PROPERTIES}

FAULTS = {
    "output_is_the_normalized_batch": "y = y * 1.001",
    "output_mean_is_the_bias": "y = y + 0.01",
    "output_variance_is_what_eps_leaves": "y = y * 1.01",
    "adding_a_constant_to_a_channel_changes_nothing": "y = y + 0.001 * x",
    "one_row_and_none_can_be_evaluated": "y = None",
    "output_has_the_form_of_the_input": "y = y.double()",
    "positions_are_rows": "raise ValueError('not today')",
}
LAYER = """
import torch

class Layer(torch.nn.BatchNorm1d):
    def forward(self, x):
        y = super().forward(x)
        {fault}
        return y
"""
NUMPY_LAYER = """
import bn_reference

class Layer(bn_reference.BatchNorm1d):
    def __call__(self, x):
        y = super().__call__(x)
        self.running_var{change}
        return y
"""


def reproducer(target: str, property: str, pair: Pair = SINGLE) -> str:
    judge = Judge(load_target(target), Budget(examples=10, timeout=60.0), spec=target)
    violation = judge.check(BY_NAME[property], pair).violation
    assert violation is not None

    return violation.reproducer


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "reproducer.py").write_text(code)
    return subprocess.run(
        [sys.executable, "reproducer.py"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


@pytest.mark.parametrize(("property", "fault"), FAULTS.items())
def test_a_script_fails_as_the_target_does_and_passes_when_it_is_mended(
    property: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faulty.py").write_text(LAYER.format(fault=fault))
    code = reproducer("faulty.py:Layer", property)

    wrong = run(code, tmp_path)
    (tmp_path / "faulty.py").write_text(LAYER.format(fault=""))
    mended = run(code, tmp_path)

    assert "bn_reference" not in code
    assert (wrong.returncode, mended.returncode) == (1, 0), wrong.stderr + mended.stderr
    assert last_line(wrong.stderr).startswith("AssertionError: ")
    assert last_line(mended.stdout) == "the rule holds here"


def test_the_message_is_that_of_the_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faulty.py").write_text(LAYER.format(fault="y = y + 1.0"))

    said = last_line(run(reproducer("faulty.py:Layer", "a_constant_channel_gives_the_bias"), tmp_path).stderr)

    assert said.startswith("AssertionError: y[0, 0")
    assert " is " in said
    assert "; the error is " in said


def test_bfloat16_travels_by_its_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faulty.py").write_text(LAYER.format(fault="y = 2 * y"))

    code = reproducer("faulty.py:Layer", "output_is_the_normalized_batch", HALF)

    assert "dtype=torch.bfloat16" in code
    assert run(code, tmp_path).returncode == 1


def test_a_numpy_layer_needs_numpy_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faulty.py").write_text(NUMPY_LAYER.format(change="[...] *= 2"))
    code = reproducer("faulty.py:Layer", "one_step_moves_the_running_variance")

    wrong = run(code, tmp_path)
    (tmp_path / "faulty.py").write_text(NUMPY_LAYER.format(change=""))

    assert "torch" not in code.partition("Target = ")[2]
    assert last_line(wrong.stderr).startswith("AssertionError: running_var[0] is ")
    assert run(code, tmp_path).returncode == 0


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("target", ["torch.nn:BatchNorm1d", "bn_reference:BatchNorm1d"])
def test_every_layout_is_rebuilt(target: str, layout: str) -> None:
    x = np.broadcast_to(np.array([[[1.0], [2.0]], [[4.0], [-3.0]]], np.float32), (2, 2, 2)).copy()
    observed = Observed(load_target(target))
    observed.trace.clear()
    step = observed.open(Case(SINGLE, x, x)).forward(place(x, layout), training=True)
    comparison = Comparison("y", False, 2.0, index=(0, 0, 0), actual=float(step.y[0, 0, 0]), expected=0.0, error=1.0, bound=0.5)
    code = script(target, observed.trace, comparison, PROPERTIES[0], SINGLE)
    names: dict[str, object] = {}

    with pytest.raises(AssertionError, match=r"^y\[0, 0, 0\] is "):
        exec(compile(code, "reproducer.py", "exec"), names)

    rebuilt = names["x"]
    strides = rebuilt.stride() if isinstance(rebuilt, torch.Tensor) else tuple(s // 4 for s in rebuilt.strides)  # type: ignore[attr-defined]
    values = rebuilt.detach().numpy() if isinstance(rebuilt, torch.Tensor) else rebuilt
    assert strides == place(x, layout).strides
    np.testing.assert_array_equal(values, x)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 3, 64, 65, 3000])
@pytest.mark.parametrize("framework", ["torch", "numpy"])
def test_a_literal_has_the_same_bits(dtype: type, size: int, framework: str) -> None:
    array = np.random.default_rng(size).standard_normal(size).astype(dtype)
    array[: size // 3] = [math.inf, -0.0, -math.inf, 1e-8, math.nan][size % 5]

    assert rebuilt(array, framework) == array.tobytes()


def rebuilt(array: Array, framework: str) -> bytes:
    names = {"np": np, "torch": torch, "ml_dtypes": ml_dtypes, "base64": base64, "zlib": zlib, "inf": math.inf, "nan": math.nan}
    exec(UNPACK[framework], names)  # type: ignore[index]
    value = eval(array_literal(array, framework), names)  # type: ignore[arg-type]
    assert tuple(value.shape) == array.shape
    if not isinstance(value, torch.Tensor):
        return bytes(value.tobytes())
    return value.view(torch.int16).numpy().tobytes() if value.dtype == torch.bfloat16 else value.numpy().tobytes()


def test_a_single_is_written_with_the_fewest_digits() -> None:
    assert float_literal(float(np.float32(0.1)), single=True) == "0.1"
    assert float_literal(float(np.float32(0.1))) == "0.10000000149011612"


def test_an_object_that_no_name_leads_to_leaves_its_place_open() -> None:
    class Hidden(BatchNorm1d):
        def __call__(self, x: Array) -> Array:
            return super().__call__(x) * 2

    judge = Judge(load_target(Hidden), Budget(examples=5, timeout=60.0))
    violation = judge.check(PROPERTIES[0], DOUBLE).violation

    assert violation is not None
    assert "raise NotImplementedError('put here the class or function that was verified as " in violation.reproducer
