"""``bn-reference explain`` as people run it."""

import json
import sys
from pathlib import Path

import pytest

from bn_reference.cli import main
from bn_reference.mnist import sources
from bn_reference.mnist.dataset import Dataset
from bn_reference.mnist.phenomena import measure
from bn_reference.mnist.phenomena.measure import PARTS, Effort, Measurements, measure_all


def test_it_tells_of_each_phenomenon_and_writes_figures_and_numbers(
    dataset: Dataset,
    measurements: Measurements,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "load", lambda data: dataset)
    monkeypatch.setattr(measure, "measure_all", lambda *arguments: measurements)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bn-reference", "explain", "--out", "figures", "--json", "found.json"])

    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capfd.readouterr()

    written = json.loads((tmp_path / "found.json").read_text())
    assert (ended.value.code, err) == (0, "")
    assert {"Gradients through depth", "Internal covariate shift", "Training and eval"} <= set(out.splitlines())
    assert len(list((tmp_path / "figures").iterdir())) == 10
    assert sorted(written) == ["environment", "measurements", "schema", "seconds", "settings"]
    assert len(written["measurements"]["learnt"]) == 36


def test_as_many_parts_are_announced_as_are_measured(dataset: Dataset) -> None:
    parts: list[None] = []

    measure_all(dataset, 0, 1, lambda: parts.append(None), Effort(gradients=2, depth=1, percentiles=1, shift=1, draws=2))

    assert len(parts) == PARTS
