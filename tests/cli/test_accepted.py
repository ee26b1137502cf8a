"""``verify --write-accepted`` and ``--accepted``, run as people run them."""

import json
from collections.abc import Callable
from pathlib import Path

QUICK = ("--dtype", "float32", "--examples", "5", "--timeout", "3", "--property", "output_is_the_normalized_batch")

Run = Callable[..., tuple[int, str, str]]


def test_what_is_violated_is_written_to_be_accepted_and_excused_once_it_has_a_reason(run: Run, folder: Path) -> None:
    written = folder / "bn-accepted.toml"

    status, out, _ = run("verify", *QUICK, "--write-accepted", "layers.py:Scaled")
    said = "1 entry was written to bn-accepted.toml, for 1 of 1 violated results; write its reason, and give the file as "
    assert (status, out.splitlines()[-1]) == (1, f"{said}--accepted")

    lacking = "entry 1 of bn-accepted.toml (output_is_the_normalized_batch) has no reason; write why it is accepted, or remove"
    accept = ("verify", "layers.py:Scaled", *QUICK, "--accepted", "bn-accepted.toml")
    assert run(*accept) == (2, "", f"bn-reference: {lacking} the entry\n")

    written.write_text(written.read_text().replace('reason = ""', 'reason = "a hundredth more, on purpose"'))
    status, out, err = run(*accept, "--json", "found.json")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1].startswith("ok layers.py:Scaled conforms but for 1 accepted deviation: verified 1 of 1 rule, ")
    assert [result["status"] for result in json.loads((folder / "found.json").read_text())["results"]] == ["accepted"]

    layers = folder / "layers.py"
    layers.write_text(layers.read_text().replace("* 1.01", ""))
    status, out, err = run(*accept)
    assert (status, err) == (1, "")
    assert "does not conform, for 1 deviation that is accepted no more" in out.splitlines()[-1]
