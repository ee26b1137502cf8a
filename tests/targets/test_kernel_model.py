"""Models of kernel benchmarks: found by what stands beside them, built with our channels, held to what they can do."""

from pathlib import Path
from typing import Any

import kernel_benchmark as benchmark
import pytest

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.properties import PROPERTIES
from bn_reference.targets.capabilities import capabilities_of
from bn_reference.targets.forms import kernel_model
from bn_reference.targets.forms.formed import FormedLayers
from bn_reference.targets.forms.near import Near
from bn_reference.targets.forms.torch_alone import NOTHING_OF_ITS_OWN
from bn_reference.targets.protocol import Implementation, UnusableTarget
from bn_reference.targets.recognition import load_target
from bn_reference.targets.watched import Watched
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

SINGLE = PAIRS[0]
GRADIENTS = {"training_gradient_of_the_input", "training_gradient_of_the_weight", "training_gradient_of_the_bias"}
STEPS = {"output_is_the_normalized_batch", "one_step_moves_the_running_variance", "evaluation_uses_the_running_statistics"}
COUNTER = {"the_counter_counts_training_batches"}


STATUSES = ("passed", "known deviation", "violated", "unsupported")


def statuses(target: Implementation, examples: int = 8) -> dict[str, set[str]]:
    results = Judge(target, Budget(examples)).check_together(PROPERTIES, SINGLE)
    return {status: {r.property for r in results if r.status == status} for status in STATUSES}


@pytest.mark.parametrize(
    ("model", "keeps", "cannot"),
    [
        (benchmark.Model, STEPS | GRADIENTS | COUNTER, set()),
        (benchmark.FallsBack, STEPS | GRADIENTS | COUNTER, set()),
        (benchmark.ByHand, STEPS | GRADIENTS, COUNTER),
        (benchmark.ForwardAlone, STEPS, GRADIENTS | COUNTER),
        (benchmark.OfItsOwnSize, STEPS | GRADIENTS, set()),
    ],
)
def test_a_right_model_keeps_what_it_can_be_asked(model: Any, keeps: set[str], cannot: set[str]) -> None:
    found = statuses(load_target(model))

    assert not found["violated"]
    assert keeps <= found["passed"] | found["known deviation"]  # of torch's, where its own kernel computes
    assert cannot <= found["unsupported"]


def test_axes_that_are_not_pooled_are_seen() -> None:
    broken = Judge(load_target(benchmark.OverRowsAlone), Budget(20)).broken(PROPERTIES, SINGLE)

    assert broken["output_is_the_normalized_batch"]


def test_its_batches_have_the_axes_that_the_benchmark_gives() -> None:
    found = load_target(benchmark.ByHand)

    assert isinstance(found, FormedLayers)
    assert found.form == "model of a kernel benchmark, handed (N, C, H, W)"
    assert {arrangement.dimensions for arrangement in found.plan.arrangements.values()} == {4}


def test_a_model_of_its_own_size_gets_its_own_channels() -> None:
    domain = load_target(benchmark.OfItsOwnSize).domain

    assert (domain.channels, domain.most_channels) == (64, 64)


def notes_of(model: Any) -> tuple[str, ...]:
    return capabilities_of(Watched(load_target(model))).notes


@pytest.mark.parametrize("model", [benchmark.Model, benchmark.FallsBack])
def test_where_torchs_own_layer_is_all_it_is_said(model: Any) -> None:
    assert NOTHING_OF_ITS_OWN in notes_of(model)


@pytest.mark.parametrize("model", [benchmark.ByHand, benchmark.ForwardAlone, benchmark.OfItsOwnSize])
def test_where_anything_else_computes_it_is_not_said(model: Any) -> None:
    assert NOTHING_OF_ITS_OWN not in notes_of(model)


def test_a_counter_that_a_model_leaves_alone_is_said_to_be_left() -> None:
    said = "bn.num_batches_tracked never moves, and is not asked for: the model itself counts nothing"
    assert said in load_target(benchmark.ForwardAlone).notes


def test_kernels_that_cannot_run_here_are_said_not_to(tmp_path: Path) -> None:
    text = Path(benchmark.__file__).read_text(encoding="utf-8") + "\n# @triton.jit\n"
    (tmp_path / "with_kernels.py").write_text(text, encoding="utf-8")

    said = "its Triton kernels do not run on the CPU: what it does without them is verified"
    assert said in load_target(f"{tmp_path}/with_kernels.py:ByHand").notes


def test_what_needs_an_accelerator_is_unusable_without_one() -> None:
    with pytest.raises(UnusableTarget) as caught:
        load_target(benchmark.OnAnAccelerator)
    said = "needs an accelerator, and is run on the CPU here: RuntimeError: 0 active drivers ([]). There should only be one."
    advice = "verify it with --device cuda on a machine that has one"
    assert str(caught.value) == f"the target kernel_benchmark:OnAnAccelerator {said}; {advice}"


def test_what_fails_with_its_own_batch_is_said_to() -> None:
    near = kernel_model.recognize("it", benchmark.OutOfOrder, "cpu")

    assert isinstance(near, Near)
    assert near.missing == "it fails with its own arguments and a batch of its own form: KeyError: 'block size'"


def test_a_module_with_no_such_functions_beside_it_is_left_to_other_forms() -> None:
    import torch

    assert kernel_model.recognize("it", torch.nn.BatchNorm2d, "cpu") is None
