"""How often the gate on speed is right: false alarms while the other core works, and slower implementations that are caught.

Figures, not tests: ``pytest -n 0 --benchmark-only tests/benchmarks/test_regression_gate.py`` prints them. Each repeat is
``bn-reference bench --compare`` in a process of its own against a baseline that was taken while the machine was quiet.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

TORCH = "torch.nn:BatchNorm1d"
REPEATS = 20
SETTING = ("--operation", "train forward", "--shape", "4096x64", "--shape", "16384x64")
LOSS = 0.15  # of the time that a pass takes, spent on an extra pass over a part of the data

SLOWER = """
import torch

class Slower(torch.nn.BatchNorm1d):
    seen = torch.empty(0)

    def forward(self, x):
        part = x.detach()[: int({part} * len(x))]
        self.seen = self.seen if self.seen.shape == part.shape else torch.empty_like(part)
        self.seen.copy_(part)
        return super().forward(x)
"""
NEIGHBOURS = {
    "a loop": "while True: pass",
    "copies of 64 MB": "import numpy as np\na = np.ones(2**23)\nb = a.copy()\nwhile True: b[...] = a",
}


def bench(*arguments: str, json_path: Path) -> tuple[int, dict[str, Any]]:
    """Exit status and rows of a run."""
    command = [sys.executable, "-m", "bn_reference", "bench", *arguments, "--json", str(json_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(json_path.read_text())["failures"] == []
    return done.returncode, json.loads(json_path.read_text())


@contextmanager
def beside(neighbour: str) -> Iterator[None]:
    """Another process at work."""
    process = subprocess.Popen([sys.executable, "-c", NEIGHBOURS[neighbour]])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gate") / "baseline.json"
    bench(TORCH, *SETTING, json_path=path)
    return path


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the slower layer, whose extra pass is fitted to the loss: both are timed in the same turns."""
    path, part = tmp_path_factory.mktemp("gate") / "layers.py", 0.5
    for _ in range(3):
        path.write_text(SLOWER.format(part=part))
        rows = bench(f"{path}:Slower", "--compare", TORCH, *SETTING, json_path=path.with_name("fit.json"))[1]["rows"]
        part *= LOSS / (1 / statistics.mean(row["ratios"]["rival"]["value"] for row in rows) - 1)
    path.write_text(SLOWER.format(part=part))
    return path


@pytest.mark.parametrize("neighbour", NEIGHBOURS)
@pytest.mark.parametrize("changed", [False, True], ids=["unchanged", "slower"])
def test_the_gate(benchmark: BenchmarkFixture, baseline: Path, layers: Path, changed: bool, neighbour: str) -> None:
    target, path = f"{layers}:Slower" if changed else TORCH, layers.with_name("rows.json")
    statuses: list[int] = []
    ratios: list[float] = []

    def repeat() -> None:
        with beside(neighbour):
            status, content = bench(target, "--compare", str(baseline), json_path=path)
        statuses.append(status)
        ratios.extend(max(ratio["value"] for ratio in row["ratios"].values()) for row in content["rows"])

    benchmark.pedantic(repeat, rounds=REPEATS)
    benchmark.extra_info[f"called slower, of {REPEATS}"] = sum(statuses)
    benchmark.extra_info["speed now / then, median over rows"] = statistics.median(ratios)
    benchmark.extra_info["lowest and highest"] = (min(ratios), max(ratios))
