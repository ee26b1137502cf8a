"""``bn-reference replay FILE#N``, run as people run it."""

from collections.abc import Callable
from pathlib import Path

import pytest

SMALL = ("--dtype", "float32", "--examples", "3", "--property", "output_is_the_normalized_batch", "--json", "found.json")
Run = Callable[..., tuple[int, str, str]]


def test_a_cause_is_run_again_and_shown(run: Run, folder: Path) -> None:
    _, reported, _ = run("verify", "layers.py:Scaled", *SMALL)
    status, out, err = run("replay", "found.json#1")

    verdict = "FAIL found.json#1 still fails: output is the normalized batch in float32/float32, of layers.py:Scaled on cpu"
    assert (status, err, out.splitlines()[-1]) == (1, "", verdict)
    shown = [line for line in out.splitlines() if line.startswith(("found ", "explained ", "x  "))]
    assert len(shown) == 3
    assert set(shown) <= set(reported.splitlines())
    assert "This script was run, and failed:" in out

    layers = folder / "layers.py"
    layers.write_text(layers.read_text().replace(" * 1.01", ""))
    verdict = verdict.removeprefix("FAIL ").replace("still fails", "does not fail, alone on its case")
    assert run("replay", "found.json#1") == (0, f"ok {verdict}\n", "")


def test_what_cannot_be_asked_any_more_is_unusable(run: Run, folder: Path) -> None:
    run("verify", "layers.py:Scaled", *SMALL)
    refusing = (
        "\n\nclass Scaled(torch.nn.BatchNorm1d):\n    def forward(self, x):\n        raise NotImplementedError('not here')\n"
    )
    with (folder / "layers.py").open("a") as file:
        file.write(refusing)

    status, out, err = run("replay", "found.json#1")
    assert (status, out) == (2, "")
    assert err.startswith(
        "bn-reference: found.json#1 cannot be asked any more: output is the normalized batch in float32/float32"
    )


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        (
            "found.json",
            "what is to be run again is 'found.json', but must be a report and the number of one of its causes; write ",
        ),
        ("found.json#one", "what is to be run again is 'found.json#one', but must be a report and the number of one of its "),
        ("none.json#1", "the report none.json cannot be read (No such file or directory); give one that "),
    ],
)
def test_what_names_no_cause_is_refused(run: Run, cause: str, sentence: str) -> None:
    status, out, err = run("replay", cause)

    assert (status, out) == (2, "")
    assert err.startswith(f"bn-reference: {sentence}")
