"""``bn-reference verify --shard I/N`` and ``merge REPORT...``, run as people run them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bn_reference import verify

Run = Callable[..., tuple[int, str, str]]
SMALL = {"dtypes": ["float32", "float64"], "properties": ["output_is_the_normalized_batch"], "examples": 2}


@pytest.fixture
def parts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reports of both parts of torch's layer, and of one that scales its output; as --json writes them."""
    monkeypatch.setattr("bn_reference.reproduction.run.fails", lambda script, seconds, kind: True)
    for name, target in (("right", "torch.nn:BatchNorm1d"), ("wrong", "layers.py:Scaled")):
        for number in (1, 2):
            report = verify(target, shard=f"{number}/2", **SMALL)
            (folder / f"{name}-{number}.json").write_text(json.dumps(report.to_json()))


@pytest.mark.usefixtures("parts")
def test_parts_are_merged_to_a_verdict_with_files_and_a_status(run: Run, folder: Path) -> None:
    status, out, err = run("merge", "right-2.json", "right-1.json", "--json", "right.json")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1].startswith("ok torch.nn:BatchNorm1d conforms: verified 1 of 1 rule, 2 passed, in ")
    assert json.loads((folder / "right.json").read_text())["conforms"]

    files = ("--html", "all.html", "--junit", "all.xml", "--summary", "all.md", "--scripts", "scripts")
    status, out, err = run("merge", "wrong-1.json", "wrong-2.json", *files)
    assert (status, err) == (1, "")
    assert "FAIL layers.py:Scaled violates 1 of 1 rules, 1 cause: 2 violated, in " in out
    assert "This script was run, and failed:" in out
    assert [(folder / name).stat().st_size > 0 for name in files[1:6:2]] == [True] * 3
    assert [path.name for path in (folder / "scripts").iterdir()] == ["1_output_is_the_normalized_batch.py"]


@pytest.mark.usefixtures("parts")
def test_what_are_no_parts_of_one_run_is_one_sentence_and_a_status_of_its_own(run: Run) -> None:
    missing = "bn-reference: part 2 of 2 is missing; give its report too\n"
    assert run("merge", "right-1.json") == (2, "", missing)
    status, out, err = run("merge", "right-1.json", "wrong-2.json")
    assert (status, out) == (2, "")
    assert err.startswith(
        "bn-reference: the target is torch.nn:BatchNorm1d in right-1.json and layers.py:Scaled in wrong-2.json; "
    )
    assert run("merge", "layers.py")[0] == 2
    assert run("merge")[0] == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--shard", "3/2"), "shard is '3/2', but must be I/N, part I of N, with 1 <= I <= N <= 1024; pass '1/3', for example"),
        (("--shard", "0/2"), "shard is '0/2', but must be I/N"),
        (
            ("--shard", "1/2", "--fail-fast"),
            "shard is 1/2 and fail_fast is asked for, but where one part ends early the parts ",
        ),
        (("--shard", "1/2", "--minutes", "1"), "shard is 1/2 and minutes are given, but then each machine tries as many "),
        (("--shard", "1/2", "--write-accepted"), "shard is 1/2 and accepted deviations are to be written, but a cause "),
        (("--shard", "1/99"), "shard is 1/99, but of what is to be tried there are 30 parts at most"),
    ],
)
def test_a_part_that_cannot_be_is_one_sentence(run: Run, options: tuple[str, ...], sentence: str) -> None:
    status, out, err = run("verify", "layers.py:Right", *options)
    assert (status, out) == (2, "")
    assert err.startswith(f"bn-reference: {sentence}")
