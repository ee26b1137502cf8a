"""A layer as it lives: whatever it goes through, it is then in the case, and gives what a fresh one gives."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.circumstances import HAPPENINGS, LIVES, SETTLINGS, STEPS, Circumstances
from bn_reference.cases.layouts import place
from bn_reference.properties import PROPERTIES
from bn_reference.targets import lives
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.protocol import Unsupported
from bn_reference.targets.recognition import load_target
from bn_reference.targets.watched import Watched
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

FLOAT32 = PAIRS[0]
TORCH, NUMPY = "torch.nn:BatchNorm1d", "bn_reference:BatchNorm1d"
IN_ORDER = [life for life in LIVES if "spread" not in life]  # gaps may lead to another kernel, with other last bits
OF_NUMPY = ("copy", "pickle", "load")


def case_of(circumstances: Circumstances, **changes: object) -> Case:
    rng = np.random.default_rng(2)
    x, dy = rng.standard_normal((2, 6, 3, 2)).astype(np.float32)
    weight, bias, mean, var = rng.uniform(0.5, 2.0, (4, 3)).astype(np.float32)
    return Case(FLOAT32, x, dy, weight, bias, mean, var, batches=7, circumstances=circumstances).but(**changes)


def opened(spec: str, case: Case) -> tuple[Watched, object]:
    target = Watched(load_target(spec))
    return target, target.open(case)


def of_a_step(spec: str, case: Case, training: bool, record: bool = True) -> dict[str, bytes]:
    """What a step gives: output, state, and gradients where they are recorded."""
    _, session = opened(spec, case)
    step = session.forward(place(case.x, case.layout), training=training, record=record)  # type: ignore[attr-defined]
    state = session.state()  # type: ignore[attr-defined]
    found = {"y": step.y, "mean": state.mean, "var": state.var, "batches": np.array(state.batches)}
    if record:
        grads = step.backward(place(case.grad_y, case.grad_layout))
        found |= {"x": grads.x, "weight": grads.weight, "bias": grads.bias}
    return {name: array.tobytes() for name, array in found.items()}


@pytest.mark.parametrize("spec", [TORCH, NUMPY])
@pytest.mark.parametrize("training", [True, False])
def test_a_layer_with_any_life_gives_the_bits_of_a_fresh_one(spec: str, training: bool) -> None:
    fresh = of_a_step(spec, case_of(()), training)
    for life in IN_ORDER:
        assert of_a_step(spec, case_of(life), training) == fresh, life


def test_so_does_one_that_averages_over_all_batches() -> None:
    fresh = of_a_step(TORCH, case_of((), momentum=None), True)
    for life in IN_ORDER:
        assert of_a_step(TORCH, case_of(life, momentum=None), True) == fresh, life


def test_parameters_and_statistics_that_lie_with_gaps_are_the_same_numbers() -> None:
    _, session = opened(TORCH, case_of(("spread",)))
    layer = session._inner.module  # type: ignore[attr-defined]

    for name in ("weight", "bias", "running_mean", "running_var"):
        own = getattr(layer, name)
        assert own.stride() == (2,)
        assert own.detach().numpy().tobytes() == getattr(case_of(()), name).tobytes()


@pytest.mark.parametrize(("spec", "words"), [(TORCH, HAPPENINGS), (NUMPY, OF_NUMPY)])
def test_what_happens_to_a_layer_does_happen(spec: str, words: tuple[str, ...]) -> None:
    for word in words:
        target, _ = opened(spec, case_of((word,)))
        assert [call.refused for call in target.trace if call.method == "undergo"] == [""], word
        assert any(call.method == "settle" and not call.refused for call in target.trace)


def test_a_numpy_layer_that_is_not_known_for_something_goes_on_without() -> None:
    target, _ = opened(NUMPY, case_of(("train", "convert", "evaluate")))

    assert [call.options["training"] for call in target.trace if call.method == "forward"] == [True, False]
    assert [call.refused for call in target.trace if call.method == "undergo"] == ["a layer that does not convert"]


@pytest.mark.parametrize("word", STEPS)
def test_steps_of_a_life_are_steps_of_the_layer(word: str) -> None:
    target, _ = opened(TORCH, case_of((word,)))

    assert any(call.method == "forward" for call in target.trace)


def test_hyperparameters_are_others_first(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[tuple[float, float | None]] = []
    original: Callable[..., None] = torch.nn.BatchNorm1d.__init__

    def init(self: torch.nn.BatchNorm1d, *arguments: object, **options: object) -> None:
        original(self, *arguments, **options)
        built.append((self.eps, self.momentum))

    monkeypatch.setattr(torch.nn.BatchNorm1d, "__init__", init)
    _, session = opened(TORCH, case_of(("settle hyperparameters",)))

    assert built[-1] == (0.25, None)
    assert (session._inner.module.eps, session._inner.module.momentum) == (1e-5, 0.1)  # type: ignore[attr-defined]


def test_the_next_batch_lies_in_the_memory_of_the_last_and_no_version_counter_notices() -> None:
    seen: list[tuple[int, int, float]] = []

    class Looks(torch.nn.BatchNorm1d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append((x.data_ptr(), x._version, float(x.detach()[0, 0, 0])))
            return super().forward(x)

    case = case_of(("train", "same memory"))
    session = Watched(TorchImplementation(Looks, "Looks")).open(case)
    session.forward(place(case.x, case.layout), training=True)

    (first, before, old), (second, after, new) = seen
    assert (first, before) == (second, after)
    assert new == float(case.x[0, 0, 0]) != old


def test_what_a_layer_refuses_to_go_through_is_left_out() -> None:
    class NoCopy(torch.nn.BatchNorm1d):
        def __deepcopy__(self, memo: object) -> object:
            raise RuntimeError("I am unique")

    session = Watched(TorchImplementation(NoCopy, "NoCopy")).open(case_of(("copy", "train")))
    with pytest.raises(Unsupported, match="a layer that cannot be copied"):
        session.copied()


class Tied(torch.nn.Module):
    """A wrapper whose parameters and buffers are those of the layer inside, under names of its own too."""

    def __init__(self, features: int, **options: object) -> None:
        super().__init__()
        self.bn = torch.nn.BatchNorm1d(features, **options)  # type: ignore[arg-type]
        self.weight, self.bias = self.bn.weight, self.bn.bias
        self.eps, self.momentum = self.bn.eps, self.bn.momentum

    running_mean = property(lambda self: self.bn.running_mean)
    running_var = property(lambda self: self.bn.running_var)
    num_batches_tracked = property(lambda self: self.bn.num_batches_tracked)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.bn(x)
        return result


class InOrderAlone(torch.nn.BatchNorm1d):
    """Right, and says that it does not take parameters with gaps."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.weight.is_contiguous():
            raise ValueError("weight must be contiguous")
        return super().forward(x)


class WithALock(torch.nn.BatchNorm1d):
    """Right; what it holds can be neither copied nor pickled."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.lock = threading.Lock()


def scripted(features: int, **options: object) -> torch.nn.Module:
    """Compiled by torch.jit, whose eps and momentum are constants."""
    script: torch.nn.Module = torch.jit.script(torch.nn.BatchNorm1d(features, **options))  # type: ignore[arg-type]
    return script


@pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated")  # of one category or another
@pytest.mark.parametrize("layer", [Tied, InOrderAlone, WithALock, scripted], ids=lambda layer: layer.__name__)
def test_right_layers_that_are_not_made_for_all_of_it_are_right_afterwards(layer: Callable[..., torch.nn.Module]) -> None:
    def y(life: Circumstances) -> bytes:
        case = case_of(life)
        session = Watched(TorchImplementation(layer, "right")).open(case)
        return session.forward(place(case.x, case.layout), training=True).y.tobytes()

    lives_of_it = IN_ORDER if layer is not InOrderAlone else LIVES
    fresh = y(())
    assert [life for life in lives_of_it if y(life) != fresh] == []


@pytest.mark.parametrize("word", SETTLINGS)
def test_a_layer_with_parameters_of_its_own_is_settled(word: str) -> None:
    target = Watched(TorchImplementation(torch.nn.BatchNorm1d, "torch"))
    session = target.open(case_of(("train", word)))
    state = session.state()
    assert isinstance(state.mean, np.ndarray)
    assert state.mean.tobytes() == case_of(()).running_mean.tobytes()  # type: ignore[union-attr]
    assert state.batches == 7


def test_whoever_cannot_be_settled_is_opened_anew() -> None:
    from bn_reference.targets.protocol import Implementation, Session, Step

    opened_for: list[Case] = []

    class Bare(Implementation):
        name = "bare"

        def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
            opened_for.append(case)
            return Layer()

    class Layer(Session):
        def forward(self, x: object, *, training: bool, record: bool = True) -> Step:
            raise Unsupported("nothing")

    case = case_of(("train", "copy"))
    Watched(Bare()).open(case)
    assert [given.batches for given in opened_for] == [3, 7]


def test_a_layer_that_takes_long_to_step_ends_its_life_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lives, "LONGEST", -1.0)
    target, _ = opened(TORCH, case_of(("train", "evaluate", "copy")))

    assert not any(call.method in ("forward", "undergo") for call in target.trace)
    assert target.trace[-1].method == "settle"


class FoldsWithoutGradients(torch.nn.BatchNorm1d):
    """Right: where nothing is recorded, an evaluation is one product and one sum, with other last bits."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training or torch.is_grad_enabled() or self.running_var is None or self.weight is None:
            return super().forward(x)
        scale = self.weight / torch.sqrt(self.running_var + self.eps)
        shape = (1, -1, *[1] * (x.dim() - 2))
        return x * scale.view(shape) + (self.bias - self.running_mean * scale).view(shape)


def test_other_last_bits_without_gradients_are_no_lack_of_determinism() -> None:
    names = ("repeated_evaluation_gives_the_same_bits", "repeated_training_gives_the_same_bits")
    rules = [property for property in PROPERTIES if property.name in names]
    judge = Judge(TorchImplementation(FoldsWithoutGradients, "folds"), Budget(examples=60))

    assert judge.broken(rules, FLOAT32) == dict.fromkeys(names, "")


@pytest.mark.parametrize(
    ("circumstances", "target", "outcome"),
    [
        (("train", "evaluate"), TORCH, "settled"),
        (("unrecorded",), TORCH, ""),
        (("freeze",), NUMPY, ""),  # which does not happen to it
        (("train",), "torch.nn.functional:batch_norm", ""),  # which keeps no layer
    ],
)
def test_it_is_told_what_came_of_a_life(circumstances: Circumstances, target: str, outcome: str) -> None:
    case = case_of(circumstances)
    watched, _ = opened(target, case)

    assert watched.outcome(case) == outcome


class Unsettled(torch.nn.BatchNorm1d):
    """Whose eps is found out once."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "eps" and hasattr(self, "eps"):
            raise AttributeError(name)
        super().__setattr__(name, value)


def test_examples_that_lived_are_counted_apart_from_those_beside_which_a_layer_lived() -> None:
    rule = next(property for property in PROPERTIES if property.name == "one_step_moves_the_running_mean")
    usual = Judge(TorchImplementation(torch.nn.BatchNorm1d, "usual"), Budget(examples=60)).check(rule, FLOAT32)
    fixed = Judge(TorchImplementation(Unsettled, "fixed"), Budget(examples=60)).check(rule, FLOAT32)

    assert usual.lived[0] > 0
    assert usual.lived[1] == 0
    assert fixed.lived[1] > 0
    assert sum(fixed.lived) == usual.lived[0]


def test_a_rule_that_looks_at_a_fresh_layer_alone_counts_no_lives_whatever_was_tried_before() -> None:
    lives, fresh = (
        next(property for property in PROPERTIES if property.name == name)
        for name in ("one_step_moves_the_running_mean", "a_fresh_layer_starts_neutral")
    )
    judge = Judge(TorchImplementation(torch.nn.BatchNorm1d, "usual"), Budget(examples=20))
    assert judge.check(lives, FLOAT32).lived[0] > 0
    assert judge.check(fresh, FLOAT32).lived == (0, 0)
    assert judge.check(lives, FLOAT32).lived[0] > 0  # of steps that are kept
