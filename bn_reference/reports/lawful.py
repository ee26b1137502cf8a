"""Other conventions than those demanded, as one entry: what is kept, who else keeps it, and what accepts it."""

from __future__ import annotations

from collections.abc import Sequence

from bn_reference.cases.facts import Fact, Kind
from bn_reference.conventions import TORCH, VALUES, Conventions, keepers

# the rules that speak of it
RULES = {
    "momentum_weights": "one_step_moves_the_running_mean",
    "running_variance": "one_step_moves_the_running_variance",
    "first_batches": "a_sequence_of_batches_accumulates",
    "initial_variance": "a_fresh_layer_starts_neutral",
    "single_value": "bad_input_is_refused",
    "empty_batch": "bad_input_is_refused",
    "statistics": "statistics_are_detached_and_keep_their_dtype",
    "output": "output_has_the_form_of_the_input",
    "hyperparameters": "evaluation_uses_the_running_statistics",
    "variance": "output_is_the_normalized_batch",
    "subnormals": "output_is_the_normalized_batch",
    "training": "output_is_the_normalized_batch",
}

__all__ = ["RULES", "accepting", "but_for", "facts_of", "say_keepers", "say_names"]


def facts_of(demanded: Conventions, kept: Conventions) -> list[Fact]:
    """Each convention in which the target differs from what was demanded."""
    return [Fact(Kind.CONVENTION, name, value, getattr(demanded, name)) for name, value in demanded.differences(kept).items()]


def say_keepers(fact: Fact) -> str:
    """Who else keeps it: "as flax, keras and onnx do"; empty where no library that is known does."""
    names = keepers(fact.what, fact.found)
    if not names:
        return ""
    return f"as {say_names(names)} {'does' if len(names) == 1 else 'do'}"


def say_names(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def accepting(kept: Conventions) -> str:
    """What accepts it: the words in which it differs from torch's."""
    return " ".join(f"{name}={value}" for name, value in TORCH.differences(kept).items()) or "torch"


def but_for(facts: Sequence[Fact]) -> str:
    """What it conforms but for."""
    return ", ".join(VALUES[fact.what][fact.found] for fact in facts)
