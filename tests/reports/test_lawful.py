"""Another convention than the one demanded is one entry: what is kept, who else keeps it, and what accepts it."""

from jsonschema import Draft202012Validator
from made import printed, report, result

from bn_reference.conventions import LIBRARIES, TORCH, VALUES, Conventions, keepers
from bn_reference.properties import PROPERTIES
from bn_reference.reports.lawful import RULES, say_names
from bn_reference.reports.report import Report
from bn_reference.reports.schema import schema

BIASED = Conventions(running_variance="biased")


def biased(**changes: object) -> Report:
    return report(result(), conventions=BIASED, **changes)


def test_the_verdict_says_what_it_conforms_but_for_and_what_accepts_it() -> None:
    last = printed(biased()).splitlines()[-1]

    assert not biased().conforms
    assert "conforms but for the biased variance in the running average" in last
    assert "(--convention running_variance=biased accepts it)" in last


def test_the_entry_says_who_else_has_the_convention() -> None:
    text = " ".join(printed(biased()).split())

    assert "another convention: it keeps the biased variance in the running average" in text
    assert f"as {say_names(keepers('running_variance', 'biased'))} do" in text


def test_what_is_demanded_is_no_other_convention() -> None:
    accepted = biased(demanded=BIASED)

    assert accepted.conforms
    assert "another convention" not in printed(accepted)


def test_the_json_object_has_one_entry_for_it() -> None:
    written = biased().to_json()

    Draft202012Validator(schema()).validate(written)
    assert written["conventions"]["differences"] == {"running_variance": "biased"}
    (entry,) = written["causes"]
    assert entry["properties"] == ["one_step_moves_the_running_variance"]
    assert "--convention running_variance=biased accepts it" in entry["explanation"]


def test_every_convention_has_a_rule_that_speaks_of_it_and_every_value_words() -> None:
    assert set(RULES) == set(VALUES) == set(TORCH.to_json())
    assert set(RULES.values()) <= {property.name for property in PROPERTIES}
    assert all(getattr(TORCH, name) == next(iter(values)) for name, values in VALUES.items())
    assert LIBRARIES["torch"] == TORCH
