"""``bn-reference bench`` as people run it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bn_reference.cli import commands

QUICK = ["--shape", "16x3", "--seconds", "0.01"]
ROW = {
    "target": str,
    "operation": str,
    "shape": list,
    "dtype": str,
    "median_seconds": float,
    "bytes": int,
    "gigabytes_per_second": float,
    "fraction_of_copy": float,
}

LAYERS = """
import torch

class Scaled(torch.nn.BatchNorm1d):
    def forward(self, x):
        return super().forward(x) * 1.01

class Raises(torch.nn.BatchNorm1d):
    def forward(self, x):
        raise ValueError("not today")

class Slow(torch.nn.BatchNorm1d):
    def forward(self, x):
        for _ in range(20):
            y = super().forward(x)
        return y
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["bench", *arguments], standalone_mode=False)


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    path = tmp_path / "layers.py"
    path.write_text(LAYERS)
    return path


def benched(path: Path, *arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json", str(path))
    assert result.return_value == 0, result.output
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_every_row_has_what_the_contract_names(tmp_path: Path) -> None:
    content = benched(tmp_path / "rows.json", "torch.nn:BatchNorm1d", "bn_reference:BatchNorm1d", *QUICK)
    assert content["schema"] == 1
    assert {"python", "torch", "numpy", "processor", "cores"} <= set(content["environment"])
    assert len(content["rows"]) == 6
    for row in content["rows"]:
        assert all(isinstance(row[name], kind) for name, kind in ROW.items())
        assert 0 < row["worst_ratio"] <= 1
        assert row["gigabytes_per_second"] == pytest.approx(row["bytes"] / row["median_seconds"] / 1e9)


@pytest.mark.nightly  # a first compilation takes some fifteen seconds
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # of inductor's own modules
def test_all_four_ways_are_timed_without_a_target() -> None:
    result = run(*QUICK)
    assert result.return_value == 0, result.output
    said = " ".join(result.output.split())
    assert all(label in said for label in ("torch's layer", "F.batch_norm", "torch.compile", "reference"))


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_the_compiled_layer_still_deviates_in_half_precision() -> None:
    """The day that it keeps its statistics in float32, this fails and the known deviation goes."""
    arguments = ("--shape", "16384x64", "--dtype", "bfloat16", "--operation", "train forward+backward", "--seconds", "0.01")
    result = run("bn_reference.benchmarks.contestants:compiled", *arguments)
    assert result.return_value == 0, result.output
    assert "known deviation: bn_reference.benchmarks.contestants:compiled: on the CPU" in " ".join(result.output.split())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def test_outputs_of_every_dtype_and_layout_are_held_to_their_bound(dtype: str, layout: str) -> None:
    targets = ("torch.nn:BatchNorm1d", "bn_reference:BatchNorm1d")
    result = run(*targets, "--shape", "33x5", "--shape", "4x3x7", "--seconds", "0.01", "--dtype", dtype, "--layout", layout)
    assert result.return_value == 0, result.output


def test_a_wrong_output_is_told_and_is_no_figure(layers: Path, tmp_path: Path) -> None:
    result = run(f"{layers}:Scaled", *QUICK, "--operation", "eval forward", "--json", str(tmp_path / "rows.json"))
    assert result.return_value == 1
    assert "Scaled is wrong in eval forward, 16 x 3, float32: y[" in result.output
    assert json.loads((tmp_path / "rows.json").read_text())["rows"] == []


def test_a_target_that_raises_is_told(layers: Path) -> None:
    result = run(f"{layers}:Raises", *QUICK, "--operation", "eval forward")
    assert result.return_value == 1
    assert "it raised ValueError: not today; bn-reference verify says what is wrong" in " ".join(result.output.split())


def test_a_target_is_compared_with_a_baseline_of_its_own(tmp_path: Path) -> None:
    benched(tmp_path / "base.json", "torch.nn:BatchNorm1d", *QUICK)
    compared = benched(tmp_path / "now.json", "--compare", str(tmp_path / "base.json"), "--threshold", "0.9")
    assert [row["slower"] for row in compared["rows"]] == [False] * 3
    assert all(set(row["ratios"]) == {"copy", "passes", "core"} for row in compared["rows"])


def test_a_much_slower_one_fails_beside_the_baseline_of_another(layers: Path, tmp_path: Path) -> None:
    """Twenty times the work, so that no machine is busy enough to hide it."""
    benched(tmp_path / "base.json", "torch.nn:BatchNorm1d", "--shape", "512x64", "--seconds", "0.02")
    result = run(f"{layers}:Slow", "--compare", str(tmp_path / "base.json"), "--seconds", "0.02")
    assert result.return_value == 1
    assert result.output.count("SLOWER") == 3


def test_a_target_may_be_compared_with_another_in_the_same_turns(layers: Path) -> None:
    arguments = ("--compare", "torch.nn:BatchNorm1d", "--shape", "512x64", "--seconds", "0.02", "--operation", "eval forward")
    assert run(f"{layers}:Slow", *arguments).return_value == 1
    assert run("torch.nn:BatchNorm1d", *arguments, "--threshold", "0.9").return_value == 0


def test_figures_and_a_table_are_written(tmp_path: Path) -> None:
    out = tmp_path / "figures"
    result = run("torch.nn:BatchNorm1d", "--shape", "16x64", "--shape", "32x64", "--seconds", "0.01", "--out", str(out))
    assert result.return_value == 0, result.output
    assert (out / "throughput_train_forward_float32_2d.png").stat().st_size > 10_000
    assert (out / "table.md").read_text().count("| 16 x 64, float32 |") == 3


def refused(*arguments: str) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011  (click's own; its sentence is what is looked at)
        CliRunner().invoke(commands, ["bench", *arguments], standalone_mode=False, catch_exceptions=False)
    return " ".join(getattr(caught.value, "format_message", lambda: str(caught.value))().split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--shape", "12"], "--shape is '12', but must be NxC or NxCxL of positive numbers; write for example 4096x64"),
        (["--shape", "0x4"], "--shape is '0x4', but must be NxC or NxCxL of positive numbers; write for example 4096x64"),
        (
            ["--dtype", "int8"],
            "--dtype is 'int8', but must be one of: float16, bfloat16, float32, float64; choose from those",
        ),
        (["--cache", "tepid"], "--cache is 'tepid', but must be one of: warm, cold; choose from those"),
        (["--compare", "no.json"], "--compare is no.json, which cannot be read (No such file or directory)"),
        (["no_such_module:X"], "there is no module 'no_such_module'"),
    ],
)
def test_bad_input_gets_one_sentence(arguments: list[str], said: str) -> None:
    assert refused(*arguments).startswith(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "which is no JSON"),
        ("[]", "which is no baseline of schema 1"),
        ('{"schema": 1, "rows": []}', "which has no rows"),
        ('{"schema": 1, "rows": [{"shape": [2, 3]}]}', "in which a row has no 'operation'"),
    ],
)
def test_what_is_no_baseline_is_refused(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_text(content)
    assert said in refused("--compare", str(path))


def test_a_baseline_of_several_targets_does_not_fit_another(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    benched(path, "torch.nn:BatchNorm1d", "bn_reference:BatchNorm1d", *QUICK, "--operation", "eval forward")
    said = refused("bn_reference.benchmarks.contestants:FunctionalBatchNorm1d", "--compare", str(path))
    assert "the baseline has rows of torch.nn:BatchNorm1d, bn_reference:BatchNorm1d; name one of those" in said
