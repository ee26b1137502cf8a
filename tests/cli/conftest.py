"""A folder with a file of layers, and the command line run there."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bn_reference.cli import main

LAYERS = """
import ctypes, os, time
import numpy as np
import torch

class Right(torch.nn.BatchNorm1d):
    pass

class Announces(torch.nn.BatchNorm1d):
    def forward(self, x):
        open("announced", "w").close()
        return super().forward(x)

class Scaled(torch.nn.BatchNorm1d):
    def forward(self, x):
        return super().forward(x) * 1.01

class Raises(torch.nn.BatchNorm1d):
    def forward(self, x):
        raise ValueError("not today")

class ReturnsNone(torch.nn.BatchNorm1d):
    def forward(self, x):
        pass

class ReturnsATuple(torch.nn.BatchNorm1d):
    def forward(self, x):
        return super().forward(x), 1

class LosesRows(torch.nn.BatchNorm1d):
    def forward(self, x):
        return super().forward(x)[:1]

class ReturnsNaN(torch.nn.BatchNorm1d):
    def forward(self, x):
        return super().forward(x) * float("nan")

class Sleeps(torch.nn.BatchNorm1d):
    def forward(self, x):
        time.sleep(1000)

class Hangs(torch.nn.BatchNorm1d):
    def forward(self, x):
        np.convolve(np.ones(10**6), np.ones(10**6))  # minutes in C, where no signal handler of Python is run

class Segfaults(torch.nn.BatchNorm1d):
    def forward(self, x):
        ctypes.string_at(0)

class Exits(torch.nn.BatchNorm1d):
    def forward(self, x):
        os._exit(3)

def crashes(num_features, **options):
    os._exit(4)
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a file of layers."""
    monkeypatch.delenv("COLUMNS", raising=False)
    (tmp_path / "layers.py").write_text(LAYERS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line: its status, standard output and standard error. Workers are processes of their own as ever.

    One at a time, unless the arguments say otherwise: each has to load torch, and other tests have the other processors.
    """

    def run_here(*arguments: str) -> tuple[int, str, str]:
        alone = ["--jobs", "1"] if arguments[:1] == ("verify",) and "--jobs" not in arguments else []
        monkeypatch.setattr(sys, "argv", ["bn-reference", *arguments, *alone])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run_here
