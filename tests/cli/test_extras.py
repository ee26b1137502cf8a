"""Where an optional package is missing, a command says so in one sentence, with the line that installs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TORCH = "torch, which is missing; pip install 'bn-reference[torch]'"
PLOTS = "figures are drawn by matplotlib, which is missing; pip install 'bn-reference[plots]'"

BROKEN = "raise OSError('libtorch.so: cannot open shared object file')"


def run(directory: Path, *arguments: str, without: str = "") -> tuple[int, str, str]:
    """A command in a directory, in interpreters (its workers' too) in which one package cannot be found."""
    if without:
        (directory / "sitecustomize.py").write_text(f"import sys\nsys.modules[{without!r}] = None\n")
    variables = {**os.environ, "PYTHONPATH": f"{directory}{os.pathsep}{ROOT}", "XDG_CACHE_HOME": str(directory)}
    variables.pop("BN_REFERENCE_DATA", None)
    ended = subprocess.run(
        [sys.executable, "-m", "bn_reference", *arguments],
        cwd=directory,
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize(
    ("arguments", "without", "said"),
    [
        (["train"], "torch", f"training needs {TORCH}"),
        (["explain"], "torch", f"explaining needs {TORCH}"),
        (["bench"], "torch", f"the benchmark needs {TORCH}"),
        (["bench", "bn_reference:BatchNorm1d"], "torch", f"the benchmark needs {TORCH}"),
        (["verify", "bn_reference:BatchNorm1d", "--cases", "mnist"], "torch", f"--cases mnist needs {TORCH}"),
        (["verify"], "torch", "there is no module 'torch'; pip install 'bn-reference[torch]'"),
        (["train", "--out", "figures"], "matplotlib", PLOTS),
        (["explain", "--out", "figures"], "matplotlib", PLOTS),
        (["bench", "--out", "figures"], "matplotlib", PLOTS),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_missing_is_named_with_the_line_that_installs_it(
    tmp_path: Path, arguments: list[str], without: str, said: str
) -> None:
    assert run(tmp_path, *arguments, without=without) == (2, "", f"bn-reference: {said}\n")


def test_a_download_without_pooch_says_what_to_install(tmp_path: Path) -> None:
    status, out, err = run(tmp_path, "data", without="pooch")

    assert (status, out) == (2, "")
    assert err.endswith("the package pooch, which downloads it, is missing; pip install 'bn-reference[mnist]'\n")


def test_a_file_that_imports_torch_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "layer.py").write_text("import torch\n")

    status, out, err = run(tmp_path, "verify", "layer.py:Mine", without="torch")

    assert (status, out) == (2, "")
    assert err.startswith("bn-reference: layer.py fails to import: ModuleNotFoundError: ")
    assert err.endswith("; pip install 'bn-reference[torch]'\n")


def test_a_torch_that_fails_to_import_is_told(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(BROKEN)

    status, out, err = run(tmp_path, "train")

    fault = "libtorch.so: cannot open shared object file"
    said = f"training needs torch, which fails to import: {fault}; mend that installation first"
    assert (status, out, err) == (2, "", f"bn-reference: {said}\n")


def test_the_reference_is_verified_without_torch(tmp_path: Path) -> None:
    quick = ("--dtype", "float64", "--property", "contract", "--examples", "2", "--jobs", "1")

    status, out, err = run(tmp_path, "verify", "bn_reference:BatchNorm1d", *quick, without="torch")

    assert (status, err) == (0, "")
    assert "bn_reference:BatchNorm1d conforms" in out
