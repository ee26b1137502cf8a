"""A script of its own: it fails as the target does, passes once the target is mended, and does without this package."""

import math
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch

from bn_reference import BatchNorm1d
from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Array, Case
from bn_reference.cases.code import array_code
from bn_reference.cases.facts import Fact, Kind
from bn_reference.cases.layouts import LAYOUTS, place
from bn_reference.oracle.compare import Comparison, fact
from bn_reference.power.mutants.catalogue import MUTANTS
from bn_reference.properties import PROPERTIES
from bn_reference.reproduction.reproducer import script
from bn_reference.reproduction.run import fails
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.recognition import load_target, name_of
from bn_reference.targets.watched import Watched
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
    watched = Watched(load_target(target))
    step = watched.open(Case(SINGLE, x, x)).forward(place(x, layout), training=True)
    comparison = Comparison("y", False, index=(0, 0, 0), actual=float(step.y[0, 0, 0]), expected=0.0, error=1.0, bound=0.5)
    code = script(target, watched, comparison, PROPERTIES[0], SINGLE)
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
@pytest.mark.parametrize("library", ["torch", "numpy"])
@pytest.mark.parametrize("width", [None, 110])
def test_an_array_as_code_has_the_same_bits(dtype: type, size: int, library: str, width: int | None) -> None:
    array = np.random.default_rng(size).standard_normal(size).astype(dtype)
    array[: size // 3] = [math.inf, -0.0, -math.inf, 1e-8, math.nan][size % 5]

    value = eval(array_code(array, library, width), {"np": np, "torch": torch, "ml_dtypes": ml_dtypes})  # type: ignore[arg-type]

    assert tuple(value.shape) == array.shape
    assert bits(value) == array.tobytes()


def bits(value: Array | torch.Tensor) -> bytes:
    if not isinstance(value, torch.Tensor):
        return value.tobytes()
    return value.view(torch.int16).numpy().tobytes() if value.dtype == torch.bfloat16 else value.numpy().tobytes()


def test_a_nan_keeps_its_payload() -> None:
    array = np.array([0x7FC00001, 0xFFC00000], np.uint32).view(np.float32)

    assert eval(array_code(array), {"np": np}).tobytes() == array.tobytes()


def test_a_single_is_written_with_the_fewest_digits() -> None:
    assert array_code(np.array([0.1], np.float32)) == "np.array([0.1], np.float32)"
    assert array_code(np.array([np.float32(0.1)], np.float64)) == "np.array([0.10000000149011612], np.float64)"


def test_an_object_that_no_name_leads_to_leaves_its_place_open() -> None:
    class Hidden(BatchNorm1d):
        def __call__(self, x: Array) -> Array:
            return super().__call__(x) * 2

    judge = Judge(load_target(Hidden), Budget(examples=5, timeout=60.0))
    violation = judge.check(PROPERTIES[0], DOUBLE).violation

    assert violation is not None
    assert "raise NotImplementedError('put here the class or function that was verified as " in violation.reproducer


# one script for each kind of fact that a layer can cause; the mended layer, which is torch's, passes it

FAULTY = """
import math
import torch

class Layer(torch.nn.BatchNorm1d):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        {built}

    def forward(self, x):
        {before}
        y = super().forward(x)
        {after}
        return y
"""
KINDS = {
    (Kind.RAISED, "output_is_the_normalized_batch"): {"after": "raise KeyError('not today')"},
    (Kind.RETURNED, "output_is_the_normalized_batch"): {"after": "y = [y]"},
    (Kind.NOT_AN_ARRAY, "output_is_the_normalized_batch"): {"after": "y = y.to_sparse()"},
    (Kind.DTYPE_KIND, "one_row_and_none_can_be_evaluated"): {"after": "y = y.int()"},
    (Kind.SHAPE, "output_is_the_normalized_batch"): {"after": "y = y.flatten()"},
    (Kind.SHAPE, "a_fresh_layer_starts_neutral"): {
        "built": "self.running_mean = None if self.running_mean is None else torch.zeros(7)"
    },
    (Kind.FORM, "output_has_the_form_of_the_input"): {"after": "y = y.double()"},
    (Kind.NO_GRADIENT, "training_gradient_of_the_input"): {"after": "y = y.detach()"},
    (Kind.ABSENT, "training_gradient_of_the_input"): {"before": "x = torch.randn(x.shape, requires_grad=True)"},
    (Kind.WRITTEN, "the_input_is_never_modified"): {"after": "x.detach().add_(1.0)"},
    (Kind.COUNT, "the_counter_counts_training_batches"): {"after": "self.num_batches_tracked += 1"},
    (Kind.ACCEPTED, "bad_input_is_refused"): {"before": "x = x[:, : self.num_features]"},
    (Kind.NOT_FINITE, "bad_input_is_refused"): {
        "before": "if x[:, 0].numel() == 1: self.running_mean += math.nan",
    },
    (Kind.ATTACHED, "statistics_are_detached_and_keep_their_dtype"): {
        "after": "self.running_mean = self.running_mean + 0 * y.sum()"
    },
    (Kind.NO_ATTRIBUTE, "training_gradient_of_the_bias"): {"built": "del self.bias"},
    (Kind.PRESENCE, "training_gradient_of_the_bias"): {"built": "self.bias = None"},
    (Kind.UNWANTED, "without_tracking_there_are_no_buffers"): {
        "after": "self.running_mean, self.running_var = x[0].detach(), x[0].detach()"
    },
}


@pytest.mark.parametrize(("kind", "property"), KINDS)
def test_a_script_says_each_kind_of_fact(kind: Kind, property: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fault = {"built": "pass", "before": "pass", "after": "pass", **KINDS[kind, property]}
    (tmp_path / "faulty.py").write_text(FAULTY.format(**fault))
    judge = Judge(load_target("faulty.py:Layer"), Budget(examples=20), spec="faulty.py:Layer")
    violation = judge.check(BY_NAME[property], SINGLE).violation
    assert violation is not None
    assert violation.found.fact is not None
    assert violation.found.fact.kind is kind, violation.message

    wrong = fails(violation.reproducer, 60.0)
    (tmp_path / "faulty.py").write_text("from torch.nn import BatchNorm1d as Layer\n")

    assert (wrong, fails(violation.reproducer, 60.0)) == (True, False), violation.reproducer


# adapters

ADAPTER = """
from bn_reference.cases.case import State
from bn_reference.targets.forms.numpy_layer import NumpyImplementation, NumpySession, NumpyStep
from bn_reference.targets.protocol import Implementation, Session, Step
from bn_reference.targets.recognition import load_target

FAULT = {fault!r}

class OurStep(Step):
    def __init__(self, inner):
        self._inner, self.y = inner, inner.y * 2 if FAULT == "doubled" else None if FAULT == "nothing" else inner.y

    def backward(self, grad_y):
        return self._inner.backward(grad_y)

    def keep(self):
        self._inner.keep()

    def input_changed(self):
        return FAULT == "written" or self._inner.input_changed()

class OurSession(Session):
    def __init__(self, inner):
        self._inner = inner

    def forward(self, x, *, training, record=True):
        if FAULT == "raises":
            raise OSError("no")
        return OurStep(self._inner.forward(x, training=training, record=record))

    def state(self):
        state = self._inner.state()
        return State(state.mean, state.var * 2, state.batches) if FAULT == "state" and state.var is not None else state

    def held_state(self):
        return self._inner.held_state()

    def load(self, state):
        self._inner.load(state)

class Adapter(Implementation):
    name = "ours"

    def __init__(self):
        self._inner = load_target("bn_reference:BatchNorm1d")

    def open(self, case, *, trainable=True, input_gradient=True):
        return OurSession(self._inner.open(case, trainable=trainable, input_gradient=input_gradient))

instance = Adapter()
"""


@pytest.mark.parametrize(
    ("fault", "property"),
    [
        ("doubled", "output_is_the_normalized_batch"),
        ("doubled", "every_layout_agrees_with_the_contiguous_one"),
        ("state", "one_step_moves_the_running_variance"),
        ("state", "nothing_is_stale_after_loading_a_state"),
        ("nothing", "output_is_the_normalized_batch"),
        ("written", "the_input_is_never_modified"),
        ("raises", "a_second_backward_pass_gives_the_same_bits"),
    ],
)
def test_an_adapter_has_a_script_too(fault: str, property: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ours.py").write_text(ADAPTER.format(fault=fault))
    code = reproducer(f"ours.py:{'instance' if fault == 'state' else 'Adapter'}", property)

    wrong = fails(code, 60.0)
    (tmp_path / "ours.py").write_text(ADAPTER.format(fault=""))

    assert (wrong, fails(code, 60.0)) == (True, False), code


# trying a script


@pytest.mark.parametrize(
    ("code", "kind", "expected"),
    [
        ("", None, False),
        ("assert False", None, True),
        ("assert False, 'a\\nb'", None, True),
        ("import nowhere_to_be_found", None, None),
        ("undefined", None, None),
        ("raise SystemExit(1)", None, None),
        ("raise SystemExit(0)", None, None),
        ("import os; os.abort()", None, None),
        ("import os; os.abort()", Kind.CRASHED, True),
        ("while True: pass", None, None),
        ("while True: pass", Kind.HUNG, True),
        ("print(input())", None, None),
    ],
)
def test_a_script_is_tried_in_a_process_of_its_own(code: str, kind: Kind | None, expected: bool | None) -> None:
    assert fails(code, 1.0 if "while" in code else 30.0, kind) is expected


def test_a_crash_is_shown_by_the_calls_alone() -> None:
    watched = Watched(load_target("torch.nn:BatchNorm1d"))
    x = np.ones((2, 1), np.float32)
    watched.open(Case(SINGLE, x, x)).forward(place(x, "contiguous"), training=True)

    code = script("torch.nn:BatchNorm1d", watched, fact(False, Fact(Kind.CRASHED, "", "signal 11")), PROPERTIES[0], SINGLE)

    assert fails(code, 60.0, Kind.CRASHED) is False
    assert "output = layer(x)" in code


# power

HOLD_IN_SCRIPTS = 0  # mutants whose script does not fail


@pytest.mark.nightly
def test_the_scripts_of_the_mutants_fail() -> None:
    silent = {}
    for mutant in MUTANTS:
        for pair in PAIRS:
            judge = Judge(TorchImplementation(mutant.factory, mutant.name), Budget(examples=60), spec=name_of(mutant.factory))
            found = judge.check(BY_NAME[mutant.claimed_by[0]], pair).violation
            if found is not None:
                if fails(found.reproducer, 60.0) is not True:
                    silent[mutant.name] = found.message
                break

    assert len(silent) <= HOLD_IN_SCRIPTS, silent
