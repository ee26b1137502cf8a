"""An audit puts each layer in the place of the batch norm that somebody's tests import, and sees whether they fail."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.power.audit.replacing import TRUE, _function, layer_named, replace
from bn_reference.power.audit.report import Audit, Seen
from bn_reference.power.audit.runners import runner_of
from bn_reference.power.audit.running import CannotAudit, audit
from bn_reference.power.subjects import Subject, select
from bn_reference.support.alarms import Terminated
from bn_reference.verification.api import verify

CHECK = """
import sys
import torch
from {module} import BatchNorm1d
x = 1e-3 * torch.tensor([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]])
y = BatchNorm1d(2)(x)
sys.exit(bool((y - (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()).abs().max() > 1e-5))
"""
FAULTY, SUBTLE, RIGHT = "eps_outside_the_root", "biased_running_variance", "double_inside"


def command(folder: Path, text: str) -> tuple[str, ...]:
    (folder / "check.py").write_text(text)
    return sys.executable, str(folder / "check.py")


def chosen(*names: str) -> Sequence[Subject]:
    return [subject for name in names for subject in select([name])]


def test_a_check_notices_what_it_compares_and_passes_what_it_does_not(tmp_path: Path) -> None:
    found = audit(command(tmp_path, CHECK.format(module="torch.nn")), chosen(FAULTY, SUBTLE, RIGHT), jobs=2)

    assert {each.name: each.noticed for each in found.seen} == {FAULTY: True, SUBTLE: False, RIGHT: False}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["check.py"]


@pytest.mark.parametrize("options", [(), ("-W", "ignore")], ids=["in a fork", "anew"])
def test_a_run_in_a_fork_is_as_one_anew(tmp_path: Path, options: tuple[str, ...]) -> None:
    says = "import sys, torch; print(torch.nn.BatchNorm1d(1).eps, sys.argv[1:], __name__, flush=True); sys.exit('{}')"
    words = (sys.executable, *options, "-c", says, "given")

    with pytest.raises(CannotAudit, match=r"the command fails as it is \(status 1, its last line being '{}'\)"):
        audit(words, chosen(FAULTY))
    with runner_of(words, "", str(tmp_path)) as run:
        ended = run(FAULTY, None)
    assert (ended.status, ended.output.splitlines()) == (1, ["1e-05 ['given'] __main__", "{}"])


def test_a_run_in_a_fork_finds_nothing_of_this_package_loaded(tmp_path: Path) -> None:
    says = "import sys; sys.exit(any(name.partition('.')[0] == 'bn_reference' for name in sys.modules))"

    with runner_of((sys.executable, "-c", says), "", str(tmp_path)) as run:
        assert run(FAULTY, None).status == 0


def test_what_the_command_starts_meets_the_layer_too(tmp_path: Path) -> None:
    program, check = command(tmp_path, CHECK.format(module="torch.nn"))
    starts = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, {check!r}]).returncode)"

    found = audit((program, "-c", starts), chosen(FAULTY, SUBTLE))

    assert {each.name: each.noticed for each in found.seen} == {FAULTY: True, SUBTLE: False}


def test_a_layer_of_their_own_is_replaced_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "layers.py").write_text("from torch.nn import BatchNorm1d\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    check = command(tmp_path, CHECK.format(module="layers"))

    found = audit(check, chosen(FAULTY), replaced="layers:BatchNorm1d")

    assert found.seen[0].noticed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise SystemExit(3)", "^the command fails as it is .status 3.; make it pass first$"),
        ("import torch; assert torch.nn.BatchNorm1d.__module__.startswith('torch.') and False", "AssertionError"),
        ("from torch.nn import BatchNorm1d, Module; assert BatchNorm1d.__mro__[1] is not Module and "
         "'_BatchNorm' in str(BatchNorm1d.__mro__)", "is replaced by a correct one of this package .status 1"),
    ],
    ids=["fails as it is", "fails with a message", "knows the class"],
)  # fmt: skip
def test_what_fails_with_a_correct_layer_measures_nothing(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CannotAudit, match=said):
        audit(command(tmp_path, text), chosen(FAULTY))


def test_a_program_that_does_not_exist_is_told() -> None:
    with pytest.raises(CannotAudit, match=r"^the command is 'no-such-program', which cannot be run"):
        audit(["no-such-program"], chosen(FAULTY))


def test_a_run_that_does_not_end_counts_as_noticed(tmp_path: Path) -> None:
    hangs = (
        "import torch, time\nif torch.nn.BatchNorm1d(1).eps == 1e-5 and 'Forgotten' in repr(torch.nn.BatchNorm1d.__mro__):\n"
    )
    found = audit(command(tmp_path, f"{hangs}    time.sleep(1000)"), chosen("eps_forgotten"), timeout=30.0)

    assert (found.seen[0].noticed, found.seen[0].late) == (True, True)


WAITS = """case "$BN_REFERENCE_AUDIT" in ""|"{true}") exit 0;; esac
echo $$ > {file}.new; mv {file}.new {file}; sleep 1000"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_who_ends_an_audit_ends_what_it_runs(jobs: int, tmp_path: Path) -> None:
    file, arrived = tmp_path / "pid", threading.Event()

    def runs() -> bool:
        with suppress(ProcessLookupError):
            os.kill(int(file.read_text()), 0)
            return True
        return False

    def end() -> None:
        while not file.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    handler = signal.signal(signal.SIGTERM, lambda *_: arrived.set())  # what it does otherwise, it does after that
    try:
        threading.Thread(target=end, daemon=True).start()
        with pytest.raises(Terminated):
            audit(("sh", "-c", WAITS.format(true=TRUE, file=file)), chosen(FAULTY, SUBTLE), jobs=jobs)
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert arrived.is_set()
    for _ in range(1000):
        if not runs():
            break
        time.sleep(0.01)
    assert not runs()


def test_the_function_of_torch_is_replaced_by_one_that_keeps_every_rule() -> None:
    module = type(torch)("replaced")
    module.batch_norm = _function(layer_named(TRUE), torch.nn.functional.batch_norm)  # type: ignore[attr-defined]
    rules = ["output_is_the_normalized_batch", "one_step_moves_the_running_variance", "training_gradient_of_the_input"]

    report = verify(module.batch_norm, dtypes=[str(PAIRS[0])], properties=rules, examples=10)

    assert report.conforms, str(report)


@pytest.mark.parametrize(("name", "shape"), [("BatchNorm2d", (2, 3, 2, 4)), ("BatchNorm3d", (2, 3, 2, 1, 4))])
def test_batches_of_more_dimensions_are_those_of_one(
    name: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (torch.nn, torch.nn.modules, torch.nn.modules.batchnorm):
        for each in ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d"):
            monkeypatch.setattr(place, each, getattr(place, each))
    monkeypatch.setattr(torch.nn.functional, "batch_norm", torch.nn.functional.batch_norm)
    replace(torch, TRUE)
    x = torch.arange(float(torch.Size(shape).numel())).reshape(shape)

    y = getattr(torch.nn, name)(3)(x)

    assert torch.equal(y.reshape(2, 3, -1), torch.nn.BatchNorm1d(3)(x.reshape(2, 3, -1)))
    with pytest.raises(ValueError, match="input"):
        getattr(torch.nn, name)(3)(x.reshape(2, 3, -1))


def test_the_page_and_the_json_tell_what_passes_and_what_is_rejected() -> None:
    seen = (
        Seen("a", "running", "A story.", False, True),
        Seen("b", "running", "Another.", False, False),
        Seen("c", "controls", "Right.", True, True),
    )
    found = Audit(("pytest", "tests"), True, seen)

    page = "\n".join(found.markdown())
    assert "- of 2 wrong batch norms 1 are noticed" in page
    assert "- `b` (running): Another." in page
    assert "- `c` (controls): Right." in page
    written = json.loads(json.dumps(found.to_json()))
    assert [written[key] for key in ("schema", "passes_true_layer", "killed", "of", "rejected", "of_controls")] == [
        1, True, 1, 2, 1, 1,
    ]  # fmt: skip
