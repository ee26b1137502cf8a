"""How true the explanations are: what is said of each mutant and each malformed layer, against what is so.

``python -m bn_reference.power.explanations docs/explanations.md`` writes the table anew, in some twenty minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.oracle.compare import Comparison
from bn_reference.power.declaration import Control, Mutant
from bn_reference.power.malformed import MALFORMED
from bn_reference.power.mutants.calls import CALLS
from bn_reference.power.mutants.catalogue import MUTANTS
from bn_reference.power.mutants.curvature import CURVATURE
from bn_reference.power.mutants.derivatives import DERIVATIVES
from bn_reference.power.mutants.edge import EDGE
from bn_reference.power.mutants.elsewhere import ELSEWHERE
from bn_reference.power.mutants.going_back import GOING_BACK
from bn_reference.power.mutants.habits import HABITS
from bn_reference.power.mutants.kept import KEPT
from bn_reference.power.mutants.lives import LIVES
from bn_reference.power.mutants.mechanics import MECHANICS
from bn_reference.power.mutants.refused import REFUSED
from bn_reference.power.mutants.roundings import ROUNDINGS
from bn_reference.power.mutants.sizes import SIZES
from bn_reference.power.mutants.surroundings import SURROUNDINGS
from bn_reference.power.mutants.without_numbers import WITHOUT_NUMBERS
from bn_reference.properties import PROPERTIES, Property
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.protocol import Implementation
from bn_reference.verification.explanation import STEPS
from bn_reference.verification.judge import Judge
from bn_reference.verification.rivals import Rival
from bn_reference.verification.selection import Budget

__all__ = ["LAYERS", "UNSAID", "WORDLESS", "WORDS", "Row", "row", "true_words"]

# what only size shows, what is done at the contract's edge, to what surrounds a step, or after its first gradients, has no word
AT_THE_EDGE = (*EDGE.mutants, *REFUSED.mutants)
BEYOND_THE_FIRST = (*DERIVATIVES.mutants, *CURVATURE.mutants, *MECHANICS.mutants)
WORDLESS = (*SIZES.mutants, *AT_THE_EDGE, *SURROUNDINGS.mutants, *BEYOND_THE_FIRST, *WITHOUT_NUMBERS.mutants)
LAYERS: tuple[Mutant | Control, ...] = (*(each for each in MUTANTS if each not in WORDLESS), *MALFORMED.controls)
LIVED = (*LIVES.mutants, *CALLS.mutants, *ELSEWHERE.mutants, *GOING_BACK.mutants, *KEPT.mutants, *HABITS.mutants)
EXAMPLES, OF_LIVES = 30, 60  # of which half have circumstances
DIRECT = [property for property in PROPERTIES if property.name in STEPS]

NOT_INSIDE = ("truncated_to_bfloat16", "subnormal_outputs_of_halves_are_zero", "parameters_read_as_single")
ROUNDED = [mutant.name for mutant in ROUNDINGS.mutants if mutant.name not in NOT_INSIDE]  # to a half, on the way

# What is true of each layer, where there is a word for it; of all others nothing must be said.
WORDS = {
    "unbiased_normalization": "unbiased_normalization",
    "square_for_root": "square_for_root",
    "eps_outside_the_root": "eps_outside_the_root",
    "eps_forgotten": "eps_left_out",
    "eps_of_the_default": "eps_fixed_at_1e-5",
    "statistics_per_position": "statistics_per_position",
    "samples_counted_for_values": "sums_divided_by_samples",
    "running_statistics_in_training": "running_statistics_in_training",
    "updated_before_use": "updated_before_use",
    "absolute_weight": "absolute_weight",
    "weight_taken_for_one": "weight_not_used",
    "missing_bias_is_one": "constant_term",
    "variance_by_mean_of_squares": "one_pass_variance",
    "mean_rounded_to_the_input": "rounded_to_half_precision",
    "sums_in_the_input_dtype": "rounded_to_half_precision",
    "biased_running_variance": "biased_running_variance",
    "momentum_reversed": "momentum_reversed",
    "statistics_never_move": "running_statistics_not_updated",
    "variance_never_moves": "running_variance_not_updated",
    "cumulative_weight_reversed": "cumulative_weight_reversed",
    "no_momentum_is_zero": "none_taken_as_0",
    "zero_momentum_is_none": "zero_taken_as_none",
    "no_update_without_affine": "running_statistics_not_updated",
    "eps_stored": "eps_in_the_running_variance",
    "running_deviation": "running_deviation",
    "bessel_counts_samples": "bessel_counts_samples",
    "eps_in_bessel": "eps_in_bessels_factor",
    "updated_in_eval": "updated_in_eval",
    "updated_in_the_backward_pass": "updated_in_the_backward_pass",
    "updated_twice": "updated_twice",
    "first_batch_copied": "first_batch_copied",
    "mean_and_variance_swapped": "running_statistics_swapped",
    "identity_without_tracking": "identity_without_tracking",
    "statistics_in_the_input_dtype": "kept_in_half_precision",
    "eps_only_in_training": "eps_left_out",
    "batch_statistics_in_eval": "batch_statistics_in_eval",
    "statistics_in_half_precision": "running_statistics_read_in_the_input_dtype",
    "statistics_taken_for_constants": "statistics_taken_for_constants",
    "variance_taken_for_constant": "variance_term_missing",
    "mean_taken_for_constant": "mean_term_missing",
    "unbiased_backward": "variance_term_by_m_minus_1",
    "training_gradient_in_eval": "gradient_in_eval_is_that_of_training",
    "gradient_sums_in_the_input_dtype": "kept_in_half_precision",
    "weight_gradient_one_percent_low": "constant_factor",
    "bias_gradient_of_the_input": "bias_gradient_sums_x_hat",
    "batch_recovered_from_the_output": "rounded_to_half_precision",
    # in circumstances alone
    "updated_only_while_recording": "running_statistics_not_updated",
    "mode_read_once": "batch_statistics_in_eval",
    "deviation_computed_once": "running_variance_of_before",
    "stale_after_loading": "running_variance_of_before",
    "second_step_forgotten": "zero",
    "mode_of_the_first_call": "batch_statistics_in_eval",
    "first_parameters_kept": "parameters_of_before",
    "parameters_by_identity": "parameters_of_before",
    "parameters_by_version": "weight_of_before",
    "variance_by_shape": "variance_of_the_last_batch",
    "momentum_of_construction": "momentum_of_construction",
    "eps_of_construction": "eps_of_construction",
    "copy_loses_its_eps": "eps_fixed_at_1e-5",
    "loading_resets_momentum": "momentum_taken_as_1",
    "eval_of_its_own": "batch_statistics_in_eval",
    "evaluation_stops_the_updates": "running_statistics_not_updated",
    "frozen_for_ever": "zero",
    "converted_with_the_usual_eps": "eps_fixed_at_1e-5",
    "pickled_with_the_usual_momentum": "momentum_fixed_at_0.1",
    "parameters_of_the_last_call": "parameters_of_before",
    "wrong_under_no_grad": "constant_term",
    "wrong_in_inference_mode": "bias_not_used",
    "statistics_stand_still_without_gradients": "running_statistics_not_updated",
    "folded_once_in_eval": "parameters_of_before",
    "statistics_by_address": "mean_of_the_last_batch",
    "output_by_address": "output_of_the_step_before",
    "never_tracks_again": "running_statistics_not_updated",
    "input_without_gradient_is_evaluated": "running_statistics_in_training",
    "frozen_bias_left_out": "bias_not_used",
    "sign_lost_going_back": "absolute_weight",
    "frozen_weight_taken_for_one": "gradient_without_weight",
    "backward_skipped_without_input": "zero",
    "statistics_of_a_frozen_weight": "running_statistics_not_updated",
    "statistics_stand_still_in_autocast": "running_statistics_not_updated",
    "moves_in_the_main_thread_alone": "running_statistics_not_updated",
    "update_of_a_contiguous_copy": "running_statistics_not_updated",
    "copy_updates_the_original": "running_statistics_not_updated",
    # of public reports
    "trains_on_copies_of_its_state": "running_statistics_not_updated",
    "updated_one_step_late": "running_statistics_not_updated",
    **dict.fromkeys(ROUNDED, "rounded_to_half_precision"),
    "gradients_of_leaves_alone": "zero",
    "output_of_the_same_numbers": "output_of_an_earlier_batch",
    "output_by_shape_and_ends": "output_of_an_earlier_batch",
    # malformed layers
    "one_added": "constant_term",
    "output_doubled": "constant_factor",
    "gradients_doubled": "constant_factor",
    "one_added_to_the_weight": "one_added_to_the_weight",
    "bias_twice": "bias_added_twice",
    "unbiased_and_derived": "unbiased_normalization",
    "momentum_taken_for_one": "momentum_taken_as_1",
    "eps_in_single": "eps_held_in_float32",
    "momentum_in_single": "momentum_held_in_float32",
    "single_inside": "computed_in_float32",
    "subnormals_flushed": "subnormals_flushed",
    "output_kept_by_shape": "output_of_an_earlier_batch",
    "weight_gradient_is_a_mean": "grad_weight_is_a_mean",
}

# Those whose word is not said in the first pair that shows them: what is seen there supports it too little.
UNSAID = frozenset(
    {"batch_recovered_from_the_output", "gradients_of_leaves_alone", "output_by_shape_and_ends", "output_of_the_same_numbers"}
)

# What is true as well: in another mode, of another quantity, or where the bounds of half formats do not tell more.
TRUE_TOO = {
    "statistics_in_half_precision": {"rounded_to_half_precision"},
    "statistics_in_the_input_dtype": {"running_statistics_read_in_the_input_dtype"},
    "mode_of_the_first_call": {"running_statistics_in_training"},
    "statistics_per_sample_without_tracking": {"statistics_per_sample"},  # of samples that have positions
    "mode_read_once": {"running_statistics_in_training", "running_statistics_not_updated", "updated_in_eval"},
    "copy_loses_its_eps": {"momentum_fixed_at_0.1"},
    "folds_itself_in_eval": {"root_missing"},  # where it is folded twice
    "written_later": {"zero"},  # until the next step, which a rule may not make
    "gradients_of_the_latest_later": {"zero"},
}

Truth = Literal["right", "silent", "wrong"]


class Listening(Judge):
    """A judge whose explanations are kept, one for each violation of a rule that speaks of one step."""

    def __init__(self, implementation: Implementation, budget: Budget) -> None:
        super().__init__(implementation, budget)
        self.said: list[Rival | None] = []

    def explained(
        self, property: Property, found: Comparison, original: Case, case: Case, *, lived: bool = False
    ) -> Rival | None:
        rival = super().explained(property, found, original, case, lived=lived)
        self.said.append(rival)
        return rival


def true_words(layer: str) -> set[str]:
    """The names of all that may be said of a layer."""
    return {*([WORDS[layer]] if layer in WORDS else []), *TRUE_TOO.get(layer, ())}


@dataclass(frozen=True)
class Row:
    """What was said of a layer in the first pair in which it broke a rule that speaks of one step.

    Attributes:
        layer: its name.
        pair: as text; empty where it broke none in any.
        violations, explained: how many rules it broke, and how many of these were explained.
        names, sentences: of the explanations, each once.
    """

    layer: str
    pair: str = ""
    violations: int = 0
    explained: int = 0
    names: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()

    @property
    def truth(self) -> Truth:
        """Right where a true word was said and no other; silent where nothing was."""
        if not self.names:
            return "silent"
        return "right" if set(self.names) <= true_words(self.layer) else "wrong"


def row(layer: Mutant | Control, pairs: Sequence[Pair] = PAIRS, examples: int = 0) -> Row:
    """What is said of a layer; by default after as many examples as its kind needs."""
    for pair in pairs:
        enough = examples or (OF_LIVES if layer in LIVED else EXAMPLES)
        judge = Listening(TorchImplementation(layer.factory, layer.name), Budget(examples=enough))
        judge.check_together(DIRECT, pair)
        if judge.said:
            named = [rival for rival in judge.said if rival is not None]
            names = tuple(dict.fromkeys(rival.name for rival in named))
            sentences = tuple(dict.fromkeys(rival.sentence for rival in named))
            return Row(layer.name, str(pair), len(judge.said), len(named), names, sentences)
    return Row(layer.name)


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """The table in Markdown, with its counts."""
    known = list(rows)
    with_word = [each for each in known if each.layer in WORDS]
    yield "# What is said of layers that are known to be wrong"
    yield ""
    yield "Written by `python -m bn_reference.power.explanations docs/explanations.md`: each mutant and each malformed layer"
    yield "of `bn_reference.power`, in the first pair of dtypes in which it breaks a rule that compares one step with the"
    yield "oracle. *Right* is where the word that is true of it was said and no other, *silent* where nothing was said; all"
    yield "else is *wrong*. Left out are the mutants of size, of the contract's edge, of what surrounds a step, and of"
    yield "derivatives beyond the first and their mechanics: they have no word. Where a fresh layer keeps the rule, what is"
    yield "said holds in the circumstances of the case alone, and says so."
    yield ""
    yield "A word rests on finite numbers alone, on a case that is made to show the slip and on one that broke the rule; a NaN"
    yield "supports none, even where the slip divides zero by zero, as it may come from anywhere."
    yield ""
    for title, group in (("with a word", with_word), ("without one", [each for each in known if each.layer not in WORDS])):
        counts = {kind: sum(each.truth == kind for each in group) for kind in ("right", "silent", "wrong")}
        told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        yield f"- layers {title}: {len(group)}, of which {told}"
    yield ""
    yield "| layer | true word | | explained | what is said | pair |"
    yield "|---|---|---|---|---|---|"
    for each in known:
        share = f"{each.explained} of {each.violations}" if each.violations else "no such rule broken"
        said, word = "; ".join(each.sentences), WORDS.get(each.layer, "")
        yield f"| {each.layer} | {word} | {each.truth} | {share} | {said} | {each.pair} |"


def _main(file: str) -> None:
    torch.set_num_threads(1)
    Path(file).write_text("\n".join([*lines(row(layer) for layer in LAYERS), ""]), encoding="utf-8")


if __name__ == "__main__":
    _main(*sys.argv[1:])
