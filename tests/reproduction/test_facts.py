"""Each kind of fact has its assertion in a script."""

from collections.abc import Callable
from pathlib import Path

import pytest
from layers_in_files import fails_here, numpy_layer, torch_layer

from bn_reference.cases.facts import Kind
from bn_reference.properties.surroundings import STANDARD_OUTPUT
from bn_reference.reports.results import Violation
from bn_reference.reproduction.around import STANDS_ROUND
from bn_reference.reproduction.run import fails
from bn_reference.targets.recognition import load_target

Violated = Callable[..., Violation]

UNTRACKED = "statistics_stand_still_while_they_are_not_tracked"
KINDS = {
    (Kind.RAISED, "output_is_the_normalized_batch"): {"after": "raise KeyError('not today')"},
    (Kind.RETURNED, "output_is_the_normalized_batch"): {"after": "y = [y]"},
    (Kind.NOT_AN_ARRAY, "output_is_the_normalized_batch"): {"after": "y = y.to_sparse()"},
    (Kind.DTYPE_KIND, "one_row_and_none_can_be_evaluated"): {"after": "y = y.int()"},
    (Kind.SHAPE, "output_is_the_normalized_batch"): {"after": "y = y.flatten()"},
    (Kind.SHAPE, "a_fresh_layer_starts_neutral"): {
        "built": "self.running_mean = None if self.running_mean is None else torch.zeros(7)"
    },
    (Kind.FORM, "output_has_the_form_of_the_input"): {"after": "y = y.double()"},
    (Kind.NO_GRADIENT, "training_gradient_of_the_input"): {"after": "y = y.detach()"},
    (Kind.ABSENT, "training_gradient_of_the_input"): {"before": "x = torch.randn(x.shape, requires_grad=True)"},
    (Kind.WRITTEN, "the_input_is_never_modified"): {"after": "x.detach().add_(1.0)"},
    (Kind.COUNT, "the_counter_counts_training_batches"): {"after": "self.num_batches_tracked += 1"},
    (Kind.ACCEPTED, "bad_input_is_refused"): {"before": "x = x[:, : self.num_features]"},
    (Kind.NOT_FINITE, "bad_input_is_refused"): {
        "before": "if x[:, 0].numel() == 1: self.running_mean += math.nan",
    },
    (Kind.ATTACHED, "statistics_are_detached_and_keep_their_dtype"): {
        "after": "self.running_mean = self.running_mean + 0 * y.sum()"
    },
    (Kind.NO_VALUE, "eps_and_momentum_are_refused_or_used"): {"before": "self.eps = 1e-5 if self.eps < 0 else self.eps"},
    (Kind.NO_ATTRIBUTE, "training_gradient_of_the_bias"): {"built": "del self.bias"},
    (Kind.PRESENCE, "training_gradient_of_the_bias"): {"built": "self.bias = None"},
    (Kind.UNWANTED, "without_tracking_there_are_no_buffers"): {
        "after": "self.running_mean, self.running_var = x[0].detach(), x[0].detach()"
    },
    (Kind.SHOWN, "what_a_layer_shows_is_so"): {
        "built": "self.extra_repr = lambda: f'{self.num_features}, eps=0.3, momentum=0.1'"
    },
    (Kind.PARAMETERS, "without_affine_there_are_no_parameters"): {"built": "self.gain = torch.nn.Parameter(torch.ones(1))"},
    (Kind.HOLDS, "a_layer_holds_on_to_few_things"): {"built": "self.kept = []", "after": "self.kept.append(y)"},
    (Kind.PRINTED, "a_step_leaves_its_surroundings"): {"after": "print('here')"},
    (Kind.WITHOUT_NUMBERS, "a_step_without_numbers_gives_the_form_of_a_real_one"): {
        "after": "y = y.double() if y.is_meta else y"
    },
    (Kind.SURROUNDINGS, "a_step_leaves_its_surroundings"): {"after": "torch.manual_seed(0)"},
}


@pytest.mark.parametrize(("kind", "property"), KINDS)
def test_a_script_says_each_kind_of_fact(kind: Kind, property: str, folder: Path, violated: Violated) -> None:
    """The layer that is mended is torch's."""
    violation = violated("faulty.py:Layer", torch_layer(**KINDS[kind, property]), property, examples=20)
    assert violation.found.fact is not None
    assert violation.found.fact.kind is kind, violation.message

    wrong = fails(violation.reproducer, 60.0)
    (folder / "faulty.py").write_text("from torch.nn import BatchNorm1d as Layer\n")

    assert (wrong, fails_here(violation.reproducer, folder)) == (True, False), violation.reproducer


def test_what_a_step_must_leave_can_all_be_said_in_a_script() -> None:
    assert set(STANDS_ROUND) == {*load_target("torch.nn:BatchNorm1d").surroundings(), STANDARD_OUTPUT}


def test_gradients_in_a_list_are_said_of_a_numpy_layer(folder: Path, violated: Violated) -> None:
    in_a_list = numpy_layer(gradients="[grad_x, grad_weight, grad_bias]")
    violation = violated("faulty.py:Layer", in_a_list, "training_gradient_of_the_bias")

    wrong = fails(violation.reproducer, 60.0)
    (folder / "faulty.py").write_text(numpy_layer())

    assert (wrong, fails_here(violation.reproducer, folder)) == (True, False), violation.reproducer


def test_it_is_said_after_which_of_a_layers_steps_something_is_seen(violated: Violated) -> None:
    twice = torch_layer(after="self.num_batches_tracked += self.training")
    found = violated("faulty.py:Layer", twice, "the_counter_counts_training_batches")
    steps = "seen after 3 steps of the layer (training on x, then eval on x, then training on x)"

    assert found.message.endswith(f"; {steps}")
    assert f"\n# {steps}\n" in found.reproducer


def test_it_is_said_in_which_step_something_is_seen(violated: Violated) -> None:
    untracked = "y = y + (self.training and not self.track_running_stats)"
    found = violated("faulty.py:Layer", torch_layer(after=untracked), UNTRACKED)

    assert "seen in the last of 2 steps of the layer (eval on x, then training on x)" in found.message


def test_nothing_is_said_of_what_several_steps_gave(violated: Violated) -> None:
    found = violated("faulty.py:Layer", torch_layer(after="y = y + self.training"), UNTRACKED)

    assert "steps" not in found.message


def test_a_rule_of_one_step_says_nothing_of_steps(violated: Violated) -> None:
    found = violated("faulty.py:Layer", torch_layer(after="y = y + 1"), "output_is_the_normalized_batch")

    assert "steps" not in found.message
