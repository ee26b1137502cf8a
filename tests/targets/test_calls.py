"""Manners of calling: a right layer is right in each, nobody is asked for what he cannot, and the limit holds in a thread."""

import threading
import time

import numpy as np
import pytest
import torch

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.circumstances import ASKS, BETWEEN, Circumstances
from bn_reference.cases.facts import Kind
from bn_reference.cases.layouts import place
from bn_reference.power.unusual import SumsAsProducts
from bn_reference.properties import PROPERTIES
from bn_reference.properties.trial import Observation
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.protocol import Misbehaviour, Session
from bn_reference.targets.recognition import load_target
from bn_reference.targets.watched import Watched
from bn_reference.verification.attempts import Attempts
from bn_reference.verification.tally import Tally

FLOAT32, HALF = PAIRS[0], PAIRS[3]
TORCH, NUMPY = "torch.nn:BatchNorm1d", "bn_reference:BatchNorm1d"
RULES = {property.name: property for property in PROPERTIES}


def case_of(circumstances: Circumstances, pair: object = FLOAT32) -> Case:
    rng = np.random.default_rng(5)
    x, dy = rng.standard_normal((2, 6, 3, 2)).astype(pair.input_dtype)  # type: ignore[attr-defined]
    vectors = rng.uniform(0.5, 2.0, (4, 3)).astype(pair.parameter_dtype)  # type: ignore[attr-defined]
    return Case(pair, x, dy, *vectors, batches=7, circumstances=circumstances)  # type: ignore[arg-type]


def of(layer: type[torch.nn.Module]) -> Watched:
    return Watched(TorchImplementation(layer, "layer"))


def forward(session: Session, case: Case) -> np.ndarray:  # type: ignore[type-arg]
    return session.forward(place(case.x, case.layout), training=True).y


class Looks(torch.nn.BatchNorm1d):
    """Right; knows where it was called."""

    seen: tuple[object, ...] = ()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            Looks.seen = threading.current_thread(), torch.is_autocast_enabled("cpu"), torch.is_grad_enabled()
        return super().forward(x)


@pytest.mark.parametrize("record", [True, False])
def test_a_step_is_called_in_another_thread_as_it_would_be_here(record: bool) -> None:
    case = case_of(("another thread", "autocast"))
    of(Looks).open(case).forward(place(case.x, case.layout), training=True, record=record)

    thread, autocast, recorded = Looks.seen
    assert thread is not threading.current_thread()
    assert (autocast, recorded) == (True, record)
    assert not torch.is_autocast_enabled("cpu")


def refused(watched: Watched) -> list[str]:
    return [call.refused for call in watched.trace if call.method == "undergo"]


@pytest.mark.parametrize(
    ("layer", "pair"), [(SumsAsProducts, FLOAT32), (torch.nn.BatchNorm1d, HALF)], ids=["products", "half precision"]
)
def test_whom_autocast_computes_otherwise_is_not_asked(layer: type[torch.nn.Module], pair: object) -> None:
    watched, case = of(layer), case_of(("autocast",), pair)
    watched.open(case)

    assert refused(watched) != [""]


def test_an_array_has_no_autocast_and_is_called_here() -> None:
    watched = Watched(load_target(NUMPY))
    watched.open(case_of(("autocast", "another thread")))

    assert refused(watched) == ["a layer that does not autocast", "a layer that does not another thread"]


class WaitsElsewhere(torch.nn.BatchNorm1d):
    """Goes on for ever in any thread but the first."""

    ended = threading.Event()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        try:
            while threading.current_thread() is not threading.main_thread():
                time.sleep(0.001)
        finally:
            WaitsElsewhere.ended.set()
        return super().forward(x)


def test_the_limit_on_an_example_holds_in_another_thread_and_ends_it() -> None:
    attempts = Attempts(of(WaitsElsewhere), case_of(()).conventions, timeout=0.3)
    tally = Tally(RULES["output_is_the_normalized_batch"])
    WaitsElsewhere.ended.clear()

    with attempts.limit.in_force():
        attempts.note(tally, case_of(("another thread",)))

    assert tally.failure is not None
    assert tally.failure.fact is not None
    assert tally.failure.fact.kind is Kind.HUNG
    assert WaitsElsewhere.ended.wait(10.0)


class RaisesElsewhere(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("not here")
        return super().forward(x)


def test_what_a_layer_raises_in_another_thread_is_its_own() -> None:
    case = case_of(("another thread",))

    with pytest.raises(Misbehaviour) as caught:
        forward(of(RaisesElsewhere).open(case), case)

    assert caught.value.raised
    assert "not here" in str(caught.value.fact.found)


@pytest.mark.parametrize("word", [*ASKS, BETWEEN])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("spec", [TORCH, NUMPY])
def test_gradients_and_state_are_as_ever_whoever_asks_and_whatever_comes_between(word: str, training: bool, spec: str) -> None:
    usual, other = (Observation(Watched(load_target(spec)), case_of(words), training) for words in ((), (word,)))

    for name in ("x", "weight", "bias"):
        assert np.array_equal(getattr(usual.grads, name), getattr(other.grads, name)), name
    assert np.array_equal(usual.state_after_backward.mean, other.state_after_backward.mean)  # type: ignore[arg-type]
    assert usual.state_after_backward.batches == other.state_after_backward.batches


def test_they_do_ask_and_something_does_come_between() -> None:
    watched = Watched(load_target(TORCH))
    assert Observation(watched, case_of((BETWEEN, "weight alone")), True).grads.x is not None

    assert [call.arguments[0] for call in watched.trace if call.method == "ask"] == [("weight",)]
    assert len([call for call in watched.trace if call.method == "forward"]) == 3  # and once more for the others' gradients
