"""``bn-reference train`` as people run it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bn_reference.cli import main
from bn_reference.mnist import sources
from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.phenomena import measure
from bn_reference.mnist.phenomena.measure import Measurements

Run = Callable[..., tuple[int, str, str]]
SHORT = ("--limit", "320", "--epochs", "2")

LAYERS = """
import torch

class Raises(torch.nn.BatchNorm1d):
    def forward(self, x):
        if self.training and self.num_batches_tracked == 15:
            raise ValueError("not\\ntoday")
        return super().forward(x)

class NotFinite(torch.nn.BatchNorm1d):
    def forward(self, x):
        return super().forward(x) * float("inf")
"""


@pytest.fixture
def run(tmp_path: Path, dataset: Dataset, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line where layers.py lies: its status, standard output and standard error."""
    (tmp_path / "layers.py").write_text(LAYERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "load", lambda data=None, **options: dataset)

    def run_here(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bn-reference", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run_here


def test_the_history_is_printed_and_written(run: Run, tmp_path: Path, dataset: Dataset) -> None:
    status, out, err = run("train", *SHORT, "--seed", "3", "--json", "run.json")

    written = json.loads((tmp_path / "run.json").read_text())
    assert (status, err) == (0, "")
    assert " ".join(out.split()).startswith(
        f"{dataset.name} from {dataset.source}: 320 images to train on, {len(dataset.test)} to test layer torch"
    )
    assert "\x1b" not in out
    assert sorted(written) == ["environment", "history", "schema", "seconds", "settings"]
    assert written["settings"] == {"epochs": 2, "limit": 320, "seed": 3, "threads": 1, "layer": "torch"}
    assert [epoch["epoch"] for epoch in written["history"]] == [1, 2]
    for model in ("batch_norm", "plain"):
        assert sorted(written["history"][1][model]) == ["test_accuracy", "test_loss", "train_accuracy", "train_loss"]
    assert f"{written['history'][1]['batch_norm']['test_loss']:.5f} (" in out


def test_the_same_command_gives_the_same_history(run: Run, tmp_path: Path) -> None:
    for name in ("first.json", "second.json"):
        run("train", *SHORT, "--layer", "reference", "--json", name)

    first, second = (json.loads((tmp_path / name).read_text()) for name in ("first.json", "second.json"))
    assert first["history"] == second["history"]


def test_the_lectures_figures_and_those_of_the_explanation_are_drawn(
    run: Run, tmp_path: Path, measurements: Measurements, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "measure_all", lambda *arguments: measurements)

    status, _, err = run("train", *SHORT, "--out", "figures")

    lecture = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
    explanation = ("gradients", "depth", "percentiles", "shift", "companions")
    drawn = {path.name: path.read_bytes()[:5] for path in (tmp_path / "figures").iterdir()}
    assert (status, err) == (0, "")
    assert drawn == {
        **{f"{name}.png": b"\x89PNG\r" for name in (*lecture, *explanation)},
        **{f"{name}.svg": b"<?xml" for name in (*lecture, *explanation)},
    }


def test_a_layer_that_fails_is_named_and_its_finished_epochs_are_kept(run: Run, tmp_path: Path) -> None:
    status, _, err = run("train", *SHORT, "--layer", "layers.py:Raises", "--json", "run.json")

    assert status == 2
    assert err == (
        "bn-reference: the layer layers.py:Raises fails in training, ValueError: not today; "
        "bn-reference verify layers.py:Raises says what is wrong with it\n"
    )
    assert [epoch["epoch"] for epoch in json.loads((tmp_path / "run.json").read_text())["history"]] == [1]


def test_figures_that_are_not_finite_are_null(run: Run, tmp_path: Path) -> None:
    status, _, _ = run("train", *SHORT, "--layer", "layers.py:NotFinite", "--json", "run.json")

    (first, _) = json.loads((tmp_path / "run.json").read_text())["history"]
    assert status == 0
    assert first["batch_norm"]["test_loss"] is None
    assert first["plain"]["test_loss"] > 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--epochs", "0"), "--epochs is 0, but must be at least 1; choose a larger number"),
        (("--threads", "0"), "--threads is 0, but must be at least 1; choose a larger number"),
        (("--seed", "-1"), "--seed is -1, but must be at least 0; choose a larger number"),
        (("--limit", "31"), "--limit is 31, but must be between 32, which make a batch, and {count}, which is all there are; "
                            "choose such a number, or leave it out"),
        (("--layer", "layers.py:Lost"), "layers.py has no attribute 'Lost'; check its name"),
        (("--out", "layers.py"), "--out is layers.py, which is a file; name a directory"),
        (("--json", "no/run.json"), "--json is no/run.json, but there is no directory no; make it first"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_sentence(run: Run, dataset: Dataset, arguments: tuple[str, ...], sentence: str) -> None:
    expected = f"bn-reference: {sentence.format(count=len(dataset.train))}\n"

    assert run("train", *arguments) == (2, "", expected)
