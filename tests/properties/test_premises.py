"""A rule whose sentence a convention makes false is not asked of who keeps it, and is asked of everything else."""

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.domain import Domain
from bn_reference.conventions import TORCH
from bn_reference.power.lawful.training import RunningInTraining
from bn_reference.properties import PROPERTIES
from bn_reference.properties.mechanics import BEYOND_THE_FIRST
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.verification.demand import Demand
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

OF_THE_BATCH = {
    "a_constant_channel_gives_the_bias",
    "adding_a_constant_to_a_channel_changes_nothing",
    "input_gradient_against_x_hat_is_what_eps_leaves",
    "input_gradient_sums_to_zero",
    "negating_the_input_mirrors_the_output",
    "output_mean_is_the_bias",
    "output_variance_is_what_eps_leaves",
    "scaling_by_powers_of_two_changes_no_bit",
}
TRAINING = [property for property in PROPERTIES if property.family in ("normalization", "gradients")]


class Tracking(TorchImplementation):
    domain = Domain(tracks=(True,))


def test_what_follows_from_the_batch_alone_is_not_asked_where_running_statistics_normalize_it() -> None:
    demand = Demand(TORCH.but(training="running"), by_default=False)
    judge = Judge(Tracking(RunningInTraining, "it"), Budget(examples=6, demand=demand))
    judge.settle()

    results = judge.check_together(TRAINING, PAIRS[0])

    assert {result.property for result in results if result.status == "unsupported"} == OF_THE_BATCH | BEYOND_THE_FIRST
    assert {result.status for result in results} == {"passed", "unsupported"}
