"""What enters batch norm in real training, as cases for the properties."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from bn_reference import verify
from bn_reference.cases.recording import Batch, Recording, read_recording
from bn_reference.mnist.activations import SIZES, record
from bn_reference.mnist.dataset import Dataset
from bn_reference.power.mutants.catalogue import MUTANTS
from bn_reference.reports.report import Report

MUTANT = {mutant.name: mutant for mutant in MUTANTS}


@pytest.fixture(scope="module")
def path(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("recorded") / "mnist.npz"
    record(dataset, path)
    yield path
    read_recording.cache_clear()


@pytest.fixture(scope="module")
def recording(path: Path) -> Recording:
    return read_recording(str(path))


def test_both_layers_are_met_at_three_moments_in_both_modes_with_five_sizes(recording: Recording) -> None:
    titles = {batch.title for batch in recording.batches}

    assert titles == {
        f"layer {layer} after {moment} steps, {mode}, batch of {size}"
        for layer in (1, 2)
        for moment in (0, 250, 500)
        for mode in ("training", "eval")
        for size in SIZES
    }
    assert {batch.x.shape for batch in recording.batches} == {(size, 32) for size in SIZES}


def test_the_batches_are_those_of_a_run(recording: Recording) -> None:
    by_title = {batch.title: batch for batch in recording.batches}
    start, end = (by_title[f"layer 1 after {moment} steps, training, batch of 32"] for moment in (0, 500))

    assert (start.num_batches_tracked, end.num_batches_tracked) == (0, 500)
    assert np.array_equal(start.running_var, np.ones(32))
    assert not np.array_equal(end.weight, start.weight)
    assert all(np.abs(batch.grad_y).max() > 0 for batch in recording.batches)
    assert all(np.ptp(batch.x, axis=0).max() > 0 for batch in recording.batches)


def test_layers_and_modes_meet_different_batches(recording: Recording) -> None:
    met = [batch for batch in recording.batches if batch.title.endswith("of 257") and " 500 steps" in batch.title]

    assert len({batch.x.tobytes() for batch in met}) == len(met) == 4


def test_the_same_seed_records_the_same(dataset: Dataset, recording: Recording, tmp_path: Path) -> None:
    record(dataset, tmp_path / "again.npz")

    again = read_recording(str(tmp_path / "again.npz"))
    for one, other in zip(recording.batches, again.batches, strict=True):
        assert [np.asarray(getattr(one, f.name)).tobytes() for f in fields(Batch)] == [
            np.asarray(getattr(other, f.name)).tobytes() for f in fields(Batch)
        ]


@pytest.mark.parametrize("target", ["torch.nn:BatchNorm1d", "bn_reference:BatchNorm1d"])
def test_a_right_layer_conforms_on_them(path: Path, recording: Recording, target: str) -> None:
    report = verify(target, examples=5, recording=path)

    assert report.conforms, [result.message for result in report.violations]
    assert report.environment["cases"] == f"60 batches, {recording.title}"


@pytest.mark.parametrize("name", ["biased_running_variance", "eps_outside_the_root", "batch_statistics_in_eval"])
def test_a_fault_is_found_on_them_and_the_report_says_where(path: Path, name: str) -> None:
    report = verify(
        MUTANT[name].factory, dtypes=["float32"], properties=[MUTANT[name].claimed_by[0]], examples=20, recording=path
    )

    assert not report.conforms
    assert all("; met on layer " in result.message for result in report.violations)


def test_the_verdict_does_not_depend_on_the_number_of_jobs(path: Path) -> None:
    def verdicts(jobs: int) -> list[tuple[object, ...]]:
        report: Report = verify(dtypes=["float32"], properties=["running"], examples=10, jobs=jobs, recording=path)
        return [(r.property, r.status, r.examples, r.worst_ratio) for r in report.results]

    assert verdicts(1) == verdicts(2)


def test_the_command_verifies_on_a_recording(path: Path) -> None:
    command = [sys.executable, "-m", "bn_reference", "verify", "--cases", str(path), "--dtype", "float32"]
    done = subprocess.run([*command, "--property", "running", "--examples", "5"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "cases: 60 batches, what entered batch norm while the lecture's model learned " in " ".join(done.stdout.split())


def test_the_command_refuses_what_is_no_recording() -> None:
    command = [sys.executable, "-m", "bn_reference", "verify", "--cases", "no.npz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("bn-reference: the recording no.npz is not there; check the path, which is read from ")
