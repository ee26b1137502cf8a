"""``bn-reference verify`` alone does what the project says, target after target; options override it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RULE = ("--property", "output_is_the_normalized_batch")
Run = Callable[..., tuple[int, str, str]]


def project(folder: Path, targets: list[str], **others: Any) -> None:
    keys = {"targets": targets, "dtypes": ["float32"], "examples": 3, "seed": 7, **others}
    (folder / "pyproject.toml").write_text(
        "[tool.bn-reference]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in keys.items())
    )


def test_all_targets_are_verified_and_the_status_is_the_worst(run: Run, folder: Path) -> None:
    project(folder, ["layers.py:Scaled", "layers.py:Right"])
    status, out, err = run("verify", *RULE, "--json", "found.json", "--scripts", "scripts")

    first, second = (json.loads((folder / f"found-{number}.json").read_text()) for number in (1, 2))
    verdicts = [line.split()[:2] for line in out.splitlines() if line.startswith(("ok layers", "FAIL layers"))]
    assert (status, err) == (1, "")
    assert verdicts == [["FAIL", "layers.py:Scaled"], ["ok", "layers.py:Right"]]
    assert [(each["target"], each["seed"], each["options"]["examples"]) for each in (first, second)] == [
        ("layers.py:Scaled", 7, 3),
        ("layers.py:Right", 7, 3),
    ]
    assert {result["input_dtype"] for result in first["results"]} == {"float32"}
    assert [path.name for path in (folder / "scripts" / "1").iterdir()] == ["1_output_is_the_normalized_batch.py"]


def test_one_that_cannot_be_loaded_is_said_so_and_the_others_are_verified(run: Run, folder: Path) -> None:
    project(folder, ["layers.py:Wrong", "layers.py:Right"])
    status, out, err = run("verify", *RULE)

    assert (status, err) == (2, "bn-reference: layers.py has no attribute 'Wrong'; check its name\n")
    assert out.splitlines()[-1].startswith("ok layers.py:Right conforms")


def test_what_the_command_line_says_overrides_it(run: Run, folder: Path) -> None:
    project(folder, ["layers.py:Scaled"], seed=7)
    status, _, err = run(
        "verify", "layers.py:Right", *RULE, "--dtype", "float64", "--examples", "2", "--seed", "0", "--json", "found.json"
    )

    found = json.loads((folder / "found.json").read_text())
    assert (status, err) == (0, "")
    assert (found["target"], found["seed"], found["options"]["examples"]) == ("layers.py:Right", 0, 2)
    assert {result["input_dtype"] for result in found["results"]} == {"float64"}


def test_what_is_accepted_is_written_where_the_project_has_it_and_read_from_there(run: Run, folder: Path) -> None:
    project(folder, ["layers.py:Scaled", "layers.py:ReturnsNaN"], accepted="accepted.toml")
    status, out, _ = run("verify", *RULE, "--write-accepted")
    written = (folder / "accepted.toml").read_text()

    assert status == 1
    assert [line.partition(" written")[0] for line in out.splitlines()[-2:]] == ["1 entry was"] * 2
    assert run("verify", *RULE)[0] == 2
    (folder / "accepted.toml").write_text(written.replace('reason = ""', 'reason = "so it is"'))
    status, out, err = run("verify", *RULE)
    assert (status, err) == (0, "")
    assert out.count("conforms but for 1 accepted deviation") == 2


def test_a_random_seed_is_one_for_all_targets(run: Run, folder: Path) -> None:
    project(folder, ["layers.py:Right", "layers.py:Right"], seed="random")
    assert run("verify", *RULE, "--json", "found.json")[0] == 0

    seeds = {json.loads((folder / f"found-{number}.json").read_text())["seed"] for number in (1, 2)}
    assert len(seeds) == 1


def test_a_key_that_is_none_is_refused(run: Run, folder: Path) -> None:
    project(folder, ["layers.py:Right"], timeouts=3)
    status, out, err = run("verify")

    assert (status, out) == (2, "")
    assert err.startswith("bn-reference: [tool.bn-reference] of pyproject.toml has the key 'timeouts', but may have targets, ")
    assert err.endswith("; did you mean timeout?\n")


@pytest.mark.parametrize("where", ["pyproject.toml", "none.toml"])
def test_what_the_project_accepts_must_be_there(run: Run, folder: Path, where: str) -> None:
    project(folder, ["layers.py:Right"], accepted=where)
    status, out, err = run("verify", *RULE)

    assert (status, out) == (2, "")
    assert err.startswith(f"bn-reference: the file of accepted deviations {where} ")
