"""Other conventions than those demanded, as one entry: what is kept, who else keeps it, and what accepts it."""

from __future__ import annotations

from collections.abc import Sequence

from bn_reference.cases.facts import Fact, Kind
from bn_reference.conventions import VALUES, keepers
from bn_reference.reports.sentences import say_fact
from bn_reference.reports.verdict import Verdict

# the rules that speak of it
RULES = {
    "momentum_weights": "one_step_moves_the_running_mean",
    "running_variance": "one_step_moves_the_running_variance",
    "first_batches": "a_sequence_of_batches_accumulates",
    "single_value": "bad_input_is_refused",
    "empty_batch": "bad_input_is_refused",
    "statistics": "statistics_are_detached_and_keep_their_dtype",
    "output": "output_has_the_form_of_the_input",
    "hyperparameters": "evaluation_uses_the_running_statistics",
    "variance": "output_is_the_normalized_batch",
    "subnormals": "output_is_the_normalized_batch",
}

__all__ = ["accepting", "RULES", "but_for", "facts_of", "rules_of_facts", "say_keepers", "say_names", "sentence"]


def facts_of(report: Verdict) -> list[Fact]:
    """Each convention in which the target differs from what was demanded."""
    differing = report.other_conventions
    return [Fact(Kind.CONVENTION, name, value, getattr(report.demanded, name)) for name, value in differing.items()]


def rules_of_facts(report: Verdict) -> list[str]:
    """The rules that the target breaks by what is demanded, and keeps by its own conventions."""
    return list(dict.fromkeys(RULES[fact.what] for fact in facts_of(report)))


def sentence(report: Verdict) -> str:
    """What the target keeps instead; empty where nothing."""
    return "; ".join(say_fact(fact) for fact in facts_of(report))


def say_keepers(fact: Fact) -> str:
    """Who else keeps it: "as flax, keras and onnx do"; empty where no library that is known does."""
    names = keepers(fact.what, fact.found)
    if not names:
        return ""
    return f"as {say_names(names)} {'does' if len(names) == 1 else 'do'}"


def say_names(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def accepting(report: Verdict) -> str:
    """The option that accepts what was found."""
    return "--convention " + " ".join(f"{name}={value}" for name, value in report.conventions_to_accept.items())


def but_for(report: Verdict) -> str:
    """What it conforms but for."""
    return ", ".join(VALUES[fact.what][fact.found] for fact in facts_of(report))
