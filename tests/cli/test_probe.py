"""``bn-reference probe``: what a target is, in text and as JSON, and a wrapper for what is not recognized."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

LAYERS = """
import torch


class Short(torch.nn.Module):
    def __init__(self, size, eps=1e-3):
        super().__init__()
        self.eps = eps
        self.gamma, self.beta = torch.nn.Parameter(torch.ones(size)), torch.nn.Parameter(torch.zeros(size))
        self.register_buffer("moving_mean", torch.zeros(size))
        self.register_buffer("moving_var", torch.ones(size))

    def forward(self, x):
        mean, var = self.moving_mean, self.moving_var
        if self.training:
            if len(x) < 2:
                raise ValueError("more rows, please")
            mean, var = x.mean(0), x.var(0, unbiased=False)
            with torch.no_grad():
                self.moving_mean += 0.1 * (mean - self.moving_mean)
                self.moving_var += 0.1 * (var - self.moving_var)
        return (x - mean) / (var + self.eps).sqrt() * self.gamma + self.beta


def odd(one, two, three):
    return one
"""


@pytest.fixture
def probe(tmp_path: Path):
    """Run the command beside a file of layers."""
    (tmp_path / "layers.py").write_text(LAYERS)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bn_reference", "probe", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_a_probe_says_how_a_layer_is_called_what_it_takes_and_whose_conventions_it_keeps(probe, tmp_path: Path) -> None:
    ran = probe("layers.py:Short", "--json", "probe.json")

    assert ran.returncode == 0, ran.stderr
    for said in ("gamma (C,) for weight", "moving_var (C,) for running_var", "takes       (N, C)", "two passes, or better"):
        assert said in ran.stdout
    assert "running_variance=biased: the biased variance in the running average" in ran.stdout
    written = json.loads((tmp_path / "probe.json").read_text())
    assert written["differs_from_torch"]["running_variance"] == "biased"
    assert written["capabilities"]["domain"]["dimensions"] == [2]


def test_what_is_not_recognized_gets_one_sentence_and_the_offer_of_a_wrapper(probe, tmp_path: Path) -> None:
    ran = probe("layers.py:odd")

    assert ran.returncode == 2
    assert "`bn-reference probe layers.py:odd --write FILE.py` write a wrapper for it" in ran.stderr
    assert probe("layers.py:odd", "--write", "wrapped.py").returncode == 0
    written = (tmp_path / "wrapped.py").read_text()
    compile(written, "wrapped.py", "exec")
    assert "class Wrapped(Functional):" in written
    assert "odd(one, two, three)" in written
