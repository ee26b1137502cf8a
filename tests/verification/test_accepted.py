"""Accepted deviations excuse what they describe and nothing else, and are in the way where they excuse nothing any more."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bn_reference import verify
from bn_reference.cli.accepting import write_accepted
from bn_reference.properties.accepted import Acceptance
from bn_reference.reports.report import Report
from bn_reference.verification.accepted import UnusableAccepted, accepted_of, read_accepted

LAYERS = """
import torch


class Right(torch.nn.BatchNorm1d):
    pass


class Strided(torch.nn.BatchNorm1d):
    def forward(self, x):
        y = super().forward(x)
        return y if x.is_contiguous() or self.training else y * 1.01


class StridedOrNotAffine(Strided):
    def forward(self, x):
        y = super().forward(x)
        return y if self.affine or self.training else y * 1.01


class RaisesWhereStrided(torch.nn.BatchNorm1d):
    def forward(self, x):
        if not x.is_contiguous() and not self.training:
            raise KeyError("strides")
        return super().forward(x)


class Wide(torch.nn.BatchNorm1d):
    def forward(self, x):
        y = super().forward(x)
        return y if self.training or self.num_features <= 1024 else y * 1.01
"""
RULE = "evaluation_uses_the_running_statistics"
OTHER = "evaluation_moves_nothing"
ENTRY = f"""
[[accepted]]
target = "layers.py:Strided"
rules = ["{RULE}"]
pairs = ["float32/float32"]
found = ["y"]
reason = "kernel 7 reads strides wrongly"
link = "https://example.org/7"
where = {{ layouts = ["transposed", "channels last", "sliced", "expanded", "channels last at an offset"] }}
"""
Verify = Callable[..., Report]


@pytest.fixture
def verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verify:
    """Verifies a layer of LAYERS by one rule, with a file of accepted deviations."""
    (tmp_path / "layers.py").write_text(LAYERS)
    monkeypatch.chdir(tmp_path)

    def run(layer: str, entries: str = "", **options: Any) -> Report:
        Path("accepted.toml").write_text(entries)
        given = {"dtypes": ["float32"], "properties": [RULE, OTHER], "examples": 25, "accepted": "accepted.toml"}
        return verify(f"layers.py:{layer}", **{**given, **options})

    return run


def statuses(report: Report) -> dict[str, str]:
    return {result.property: result.status for result in report.results}


def test_what_is_accepted_is_excused_and_counted(verified: Verify) -> None:
    report = verified("Strided", ENTRY)
    [accepted] = [result for result in report.results if result.property == RULE]

    assert report.conforms
    assert statuses(report) == {RULE: "accepted", OTHER: "passed"}
    assert 0 < accepted.accepted[1] < accepted.examples
    assert (accepted.worst_ratio or 0.0) <= 1.0  # of those that are not excused
    assert "conforms but for 1 accepted deviation: verified 2 of 2 rules, 1 passed, 1 accepted" in str(report)


@pytest.mark.parametrize("layer", ["StridedOrNotAffine", "RaisesWhereStrided"])
def test_nothing_outside_the_region_and_nothing_else_inside_it_is_excused(verified: Verify, layer: str) -> None:
    report = verified(layer, ENTRY.replace("Strided", layer))

    assert statuses(report)[RULE] == "violated"
    assert not report.conforms


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("layers.py:Strided", "layers.py:Right"),
        ("layers.py:Strided", "elsewhere/layers.py:Strided"),
        (RULE, OTHER),
        ("float32/float32", "float64/float64"),
        ("reason", 'device = "cuda"\nreason'),
    ],
)
def test_no_other_target_rule_pair_or_device_is_excused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was: str, now: str
) -> None:
    monkeypatch.chdir(tmp_path)

    def concerned(text: str) -> bool:
        Path("accepted.toml").write_text(text)
        found = accepted_of(read_accepted("accepted.toml"), "layers.py:Strided", "cpu")
        return any(each.concerns(RULE, "float32/float32") for each in found)

    assert (concerned(ENTRY), concerned(ENTRY.replace(was, now))) == (True, False)


def test_what_no_longer_fails_is_in_the_way_until_it_is_removed(verified: Verify) -> None:
    report = verified("Right", ENTRY.replace("Strided", "Right"))

    assert (report.conforms, report.violations) == (False, ())
    assert "does not conform, for 1 deviation that is accepted no more: verified 2 of 2 rules, 2 passed" in str(report)
    [cause] = report.to_json()["causes"]
    said = f"entry 1 of accepted.toml excuses what no longer fails: {RULE.replace('_', ' ')} in float32/float32"
    assert (cause["cause"], cause["explanation"]) == (said, "remove the entry")
    assert (cause["properties"], cause["pairs"]) == ([RULE], ["float32/float32"])
    assert verified("Right").conforms


def test_what_was_not_tried_is_not_said_to_be_gone(verified: Verify) -> None:
    assert verified("Right", ENTRY.replace("Strided", "Right"), properties=[OTHER]).conforms
    assert verified("Right", ENTRY.replace("Strided", "Right").replace("float32", "float64")).conforms


def test_of_several_pairs_those_that_no_longer_fail_are_named(verified: Verify) -> None:
    both = ENTRY.replace('"float32/float32"', '"float32/float32", "float64/float64"')
    report = verified("Strided", both.replace(RULE, f'{RULE}", "{OTHER}'), dtypes=["float32", "float64"])
    [cause] = report.to_json()["causes"]

    assert (cause["properties"], cause["pairs"]) == ([OTHER], ["float32/float32", "float64/float64"])
    assert cause["explanation"] == "leave them out of the entry"


def test_past_its_day_an_entry_excuses_nothing_and_is_told(verified: Verify) -> None:
    report = verified("Strided", ENTRY + 'until = "2020-01-01"\n')

    assert statuses(report)[RULE] == "violated"
    said = "entry 1 of accepted.toml excuses nothing any more: it was accepted until 2020-01-01, which is past"
    assert report.to_json()["causes"][0]["cause"].startswith(said)


@pytest.mark.parametrize(
    ("until", "past"),
    [
        ("2026-06-30", "it was accepted until 2026-06-30, which is past"),
        ('"2026-06-30"', "it was accepted until 2026-06-30, which is past"),
        ("2026-07-01", ""),
        ('"numpy 1.0"', "it was accepted until numpy 1.0, and this is "),
        ('"numpy 99"', ""),
    ],
)
def test_an_entry_ends_with_a_day_or_a_version(tmp_path: Path, until: str, past: str) -> None:
    path = tmp_path / "accepted.toml"
    path.write_text(f"{ENTRY}until = {until}\n")
    [entry] = read_accepted(path, today=date(2026, 7, 1))

    assert entry.past.startswith(past)
    assert bool(entry.past) == bool(past)


def test_a_rare_deviation_is_seen_on_its_witness_and_not_said_to_be_gone(verified: Verify) -> None:
    report = verified("Wide", examples=5, surveys=True)
    write_accepted(report, Path("written.toml"))
    written = Path("written.toml").read_text().replace('reason = ""', 'reason = "one block of threads"')
    again = verified("Wide", written, examples=1)  # with so few there is no case of so many channels

    assert max(result.largest[1] for result in report.results) > 1024
    assert "where = { channels = { least = 1025 } }" in written
    assert statuses(again)[RULE] == "accepted"
    assert again.conforms
    narrow = verified("Right", written.replace("layers.py:Wide", "layers.py:Right"), examples=1)
    assert [standing.gone for standing in narrow.accepted] == [((RULE, "float32/float32"),)]


def test_what_is_written_is_read_and_excuses_the_run_that_wrote_it(verified: Verify) -> None:
    first = verified("StridedOrNotAffine", surveys=True)
    write_accepted(first, Path("written.toml"))
    written = Path("written.toml").read_text()

    with pytest.raises(UnusableAccepted, match=rf"^entry 1 of written.toml \({RULE}\) has no reason; write why it is accepted"):
        read_accepted("written.toml")
    assert statuses(first) == {RULE: "violated", OTHER: "passed"}
    assert verified("StridedOrNotAffine", written.replace('reason = ""', 'reason = "so it is"')).conforms


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("reason = ", 'reason = ""\nreasons = ', "has the key 'reasons', but may have target, device, "),
        ('"kernel 7 reads strides wrongly"', '" "', f"({RULE}) has no reason; write why it is accepted, or remove the entry"),
        (RULE, "evaluation_uses_the_statistics", "has 'evaluation_uses_the_statistics' among its rules, which is none; "),
        ("float32/float32", "float32", "has 'float32' among its pairs, which is none; did you mean float32/float32?"),
        (f'["{RULE}"]', "[]", "has [] as rules, but must have a list of names; write ['output_is_the_normalized_batch'], for"),
        ('target = "layers.py:Strided"', "", "has no target, but must have a string; write one"),
        ("layouts", "layout", "has a region (where) that cannot be used: 'layout' is no condition on a case; choose from "),
        ("found", 'region = "every case"\nfound', "says of its region 'every case', but where says 'x transposed, channels"),
        ("found", "until = 3\nfound", "has 3 as until, but must have a day or a version; write 2027-01-31, or 'torch 2.15'"),
        ("found", 'until = "2.15"\nfound', "has '2.15' as until, but must have a day or a version; write 2027-01-31, or "),
        ("found", 'until = "nothing 1"\nfound', "has 'nothing 1' as until, but nothing is not installed here; name a package"),
        ("found", 'until = "2026-13-01"\nfound', "has '2026-13-01' as until, which is no day; write one"),
        ('["y"]', '"y"', "has 'y' as found, but must have a list of strings; write ['y'], for example, or leave it out"),
        (
            "found",
            'witnesses = { "float32/float32" = ["open(1)"] }\nfound',
            "has a witness in float32/float32 that calls open, which no case does; let bn-reference verify --write-accepted",
        ),
        ("found", "witnesses = 3\nfound", "has witnesses that are no table of lists of code by the names of its own pairs; "),
    ],
)
def test_an_entry_that_is_none_is_refused(tmp_path: Path, was: str, now: str, said: str) -> None:
    path = tmp_path / "accepted.toml"
    assert ENTRY.count(was) == 1
    path.write_text(ENTRY.replace(was, now))

    with pytest.raises(UnusableAccepted) as refused:
        read_accepted(path)

    assert str(refused.value).startswith(f"entry 1 of {path} {said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accepted = [", "is no TOML ("),
        (
            "[accepted]\nreason = 3",
            "has 'accepted' in it, but must have [[accepted]] tables alone; write each deviation as one",
        ),
        ("[[acepted]]", "has 'acepted' in it, but must have [[accepted]] tables alone; write each deviation as one"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "accepted.toml"
    path.write_text(text)

    with pytest.raises(UnusableAccepted) as refused:
        read_accepted(path)

    assert str(refused.value).startswith(f"the file of accepted deviations {path} {said}")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    rule = "is not there; let bn-reference verify --write-accepted write it"
    with pytest.raises(UnusableAccepted, match=rf"^the file of accepted deviations .*none.toml {rule}$"):
        read_accepted(tmp_path / "none.toml")


def test_targets_are_seen_from_the_file_that_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project").mkdir()
    entry = Acceptance("project/accepted.toml", 1, "src/bn.py:Layer", "cpu", (RULE,), ("float32/float32",), "so it is")

    assert accepted_of([entry], "project/src/bn.py:Layer", "cpu") == (entry,)
    assert accepted_of([entry], f"{tmp_path}/project/src/bn.py:Layer", "cpu") == (entry,)
    assert accepted_of([entry], "src/bn.py:Layer", "cpu") == ()
