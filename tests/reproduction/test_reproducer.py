"""A script of its own: it fails as the target does, passes once the target is mended, and does without this package."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from layers_in_files import numpy_layer, torch_layer

from bn_reference import BatchNorm1d
from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Array, Case
from bn_reference.cases.facts import Fact, Kind
from bn_reference.cases.layouts import LAYOUTS, place
from bn_reference.oracle.compare import Comparison, fact
from bn_reference.power.mutants.catalogue import MUTANTS
from bn_reference.properties import PROPERTIES
from bn_reference.reports.results import Violation
from bn_reference.reproduction.layers import LayerReplay
from bn_reference.reproduction.life import happenings_of
from bn_reference.reproduction.reproducer import reproduced
from bn_reference.reproduction.run import fails
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.recognition import load_target, name_of
from bn_reference.targets.watched import Watched
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

Violated = Callable[..., Violation]

SINGLE, DOUBLE, HALF = PAIRS[0], PAIRS[1], Pair("bfloat16", "float32")

TARGETS: dict[Literal["torch", "numpy"], str] = {"torch": "torch.nn:BatchNorm1d", "numpy": "bn_reference:BatchNorm1d"}
FAULTS = {
    "output_is_the_normalized_batch": "y = y * 1.001",
    "output_mean_is_the_bias": "y = y + 0.01",
    "output_variance_is_what_eps_leaves": "y = y * 1.01",
    "adding_a_constant_to_a_channel_changes_nothing": "y = y + 0.001 * x",
    "one_row_and_none_can_be_evaluated": "y = None",
    "output_has_the_form_of_the_input": "y = y.double()",
    "positions_are_rows": "raise ValueError('not today')",
}


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "reproducer.py").write_text(code)
    return subprocess.run(
        [sys.executable, "reproducer.py"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


@pytest.mark.parametrize(("property", "fault"), FAULTS.items())
def test_a_script_fails_as_the_target_does_and_passes_when_it_is_mended(
    property: str, fault: str, folder: Path, violated: Violated
) -> None:
    code = violated("faulty.py:Layer", torch_layer(after=fault), property).reproducer

    wrong = run(code, folder)
    (folder / "faulty.py").write_text(torch_layer())
    mended = run(code, folder)

    assert "bn_reference" not in code
    assert (wrong.returncode, mended.returncode) == (1, 0), wrong.stderr + mended.stderr
    assert last_line(wrong.stderr).startswith("AssertionError: ")
    assert last_line(mended.stdout) == "the rule holds here"


def test_the_message_is_that_of_the_comparison(folder: Path, violated: Violated) -> None:
    code = violated("faulty.py:Layer", torch_layer(after="y = y + 1.0"), "a_constant_channel_gives_the_bias").reproducer

    said = last_line(run(code, folder).stderr)

    assert said.startswith("AssertionError: y[0, 0")
    assert " is " in said
    assert "; the error is " in said


def test_bfloat16_travels_by_its_bits(folder: Path, violated: Violated) -> None:
    code = violated("faulty.py:Layer", torch_layer(after="y = 2 * y"), "output_is_the_normalized_batch", HALF).reproducer

    assert "dtype=torch.bfloat16" in code
    assert run(code, folder).returncode == 1


def test_a_numpy_layer_needs_numpy_alone(folder: Path, violated: Violated) -> None:
    wrong_layer, right_layer = numpy_layer(after="self.running_var[...] *= 2"), numpy_layer()
    code = violated("faulty.py:Layer", wrong_layer, "one_step_moves_the_running_variance").reproducer

    wrong = run(code, folder)
    (folder / "faulty.py").write_text(right_layer)

    assert "torch" not in code.partition("Target = ")[2]
    assert last_line(wrong.stderr).startswith("AssertionError: running_var[0] is ")
    assert run(code, folder).returncode == 0


def test_a_numpy_layer_is_handed_strided_gradients(folder: Path, violated: Violated) -> None:
    wrong_layer, right_layer = numpy_layer(gradients="2 * grad_x, grad_weight, grad_bias"), numpy_layer()
    code = violated("faulty.py:Layer", wrong_layer, "strided_upstream_gradients_agree").reproducer

    wrong = run(code, folder)
    (folder / "faulty.py").write_text(right_layer)

    assert "upstream = np.ndarray(" in code
    assert (wrong.returncode, run(code, folder).returncode) == (1, 0), wrong.stderr


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("target", ["torch.nn:BatchNorm1d", "bn_reference:BatchNorm1d"])
def test_every_layout_is_rebuilt(target: str, layout: str) -> None:
    x = np.broadcast_to(np.array([[[1.0], [2.0]], [[4.0], [-3.0]]], np.float32), (2, 2, 2)).copy()
    watched = Watched(load_target(target))
    step = watched.open(Case(SINGLE, x, x)).forward(place(x, layout), training=True)
    comparison = Comparison("y", False, index=(0, 0, 0), actual=float(step.y[0, 0, 0]), expected=0.0, error=1.0, bound=0.5)
    code = reproduced(target, watched, comparison, PROPERTIES[0], SINGLE).script
    names: dict[str, object] = {}

    with pytest.raises(AssertionError, match=r"^y\[0, 0, 0\] is "):
        exec(compile(code, "reproducer.py", "exec"), names)

    rebuilt = names["x"]
    strides = rebuilt.stride() if isinstance(rebuilt, torch.Tensor) else tuple(s // 4 for s in rebuilt.strides)  # type: ignore[attr-defined]
    values = rebuilt.detach().numpy() if isinstance(rebuilt, torch.Tensor) else rebuilt
    assert strides == place(x, layout).strides
    np.testing.assert_array_equal(values, x)


def test_an_object_that_no_name_leads_to_leaves_its_place_open() -> None:
    class Hidden(BatchNorm1d):
        def __call__(self, x: Array) -> Array:
            return super().__call__(x) * 2

    judge = Judge(load_target(Hidden), Budget(examples=5, timeout=60.0))
    violation = judge.check(PROPERTIES[0], DOUBLE).violation

    assert violation is not None
    assert "raise NotImplementedError('put here the class or function that was verified as " in violation.reproducer


def test_a_crash_is_shown_by_the_calls_alone() -> None:
    watched = Watched(load_target("torch.nn:BatchNorm1d"))
    x = np.ones((2, 1), np.float32)
    watched.open(Case(SINGLE, x, x)).forward(place(x, "contiguous"), training=True)

    code = reproduced(
        "torch.nn:BatchNorm1d", watched, fact(False, Fact(Kind.CRASHED, "", "signal 11")), PROPERTIES[0], SINGLE
    ).script

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
            (rule,) = (property for property in PROPERTIES if property.name == mutant.claimed_by[0])
            found = judge.check(rule, pair).violation
            if found is not None:
                if fails(found.reproducer, 60.0) is not True:
                    silent[mutant.name] = found.message
                break

    assert len(silent) <= HOLD_IN_SCRIPTS, silent


@pytest.mark.parametrize("target", ["torch.nn:BatchNorm1d", "bn_reference:BatchNorm1d"])
def test_a_layer_is_settled_with_the_hyperparameters_of_the_case(target: str) -> None:
    x = np.array([[1.0], [2.0]], np.float32)
    case = Case(SINGLE, x, x, eps=0.5, circumstances=("evaluate", "settle hyperparameters"))
    watched = Watched(load_target(target))
    step = watched.open(case).forward(place(x, "contiguous"), training=True)
    seen = float(step.y[0, 0])
    comparison = Comparison("y", False, index=(0, 0), actual=seen, expected=seen, error=0.0, bound=0.0)
    code = reproduced(target, watched, comparison, PROPERTIES[0], SINGLE).script

    assert "layer.eps, layer.momentum = 0.5, 0.1" in code
    exec(compile(code, "reproducer.py", "exec"), {})  # where it asserts what was seen with that eps
    last = next(call for call in reversed(watched.trace) if call.method == "forward")
    replay = LayerReplay(list(watched.trace), "cpu", watched.framework)  # type: ignore[arg-type]
    assert replay.steps[last.made].layer.case.eps == 0.5


def test_a_script_imports_first_what_was_imported_first() -> None:
    x = np.array([[1.0], [2.0]], np.float32)
    watched = Watched(load_target("torch.nn:BatchNorm1d"))
    step = watched.open(Case(SINGLE, x, x)).forward(place(x, "contiguous"), training=True)
    comparison = Comparison("y", False, index=(0, 0), actual=float(step.y[0, 0]), expected=0.0, error=1.0, bound=0.5)

    lines = reproduced("torch.nn:BatchNorm1d", watched, comparison, PROPERTIES[0], SINGLE, ["wave"]).script.splitlines()

    assert lines.index("import wave") < lines.index("import torch")


@pytest.mark.parametrize(("library", "word"), [(name, word) for name in TARGETS for word in happenings_of(name)])
def test_what_happened_to_a_layer_happens_in_its_script(library: Literal["torch", "numpy"], word: str) -> None:
    x = np.array([[1.0], [2.0], [4.0]], np.float32)
    case = Case(SINGLE, x, x, weight=x[0], bias=x[1], running_mean=x[1], running_var=x[2])
    watched = Watched(load_target(TARGETS[library]))
    session = watched.open(case).undergo(word, case)
    seen = float(session.forward(place(x, "contiguous"), training=True).y[0, 0])
    comparison = Comparison("y", False, index=(0, 0), actual=seen, expected=seen, error=0.0, bound=0.0)
    code = reproduced(TARGETS[library], watched, comparison, PROPERTIES[0], SINGLE).script

    lines = LayerReplay(list(watched.trace), "cpu", library).lines
    assert [len(made) > 0 for call, made in lines.items() if call.method == "undergo"] == [True]
    exec(compile(code, "reproducer.py", "exec"), {})  # where it asserts what was seen, bit for bit
