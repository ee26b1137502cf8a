"""What the suite asks of an implementation: build a layer for a case, run steps of it, show its state.

Properties speak to implementations through these three classes alone, with NumPy arrays in and out, and never name a framework.
An adapter implements ``Implementation.open`` and ``Session.forward``, and of the rest what there is; ``forms`` has examples.

What an implementation cannot do raises ``Unsupported`` or NotImplementedError, wherever that is found out; the rules that read
it are then unsupported, and no others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Array, Case, Seen, State
from bn_reference.cases.directions import Direction
from bn_reference.cases.domain import Domain
from bn_reference.cases.facts import Fact, Form, Kind, Missing, Unseen, Wrong
from bn_reference.cases.layouts import Placement
from bn_reference.targets import PLAIN
from bn_reference.targets.surroundings import SETTINGS, Setting, of_python

__all__ = [
    "Forms",
    "Grads",
    "Implementation",
    "Misbehaviour",
    "SecondGrads",
    "Session",
    "Step",
    "Unsupported",
    "UnusableTarget",
    "had",
]


Forms = tuple[tuple[str, Form | None, Form | None], ...]  # a quantity's name, its form without numbers, and with them


class Unsupported(Exception):
    """The implementation cannot do what a property needs; the property is then counted as unsupported, never as passed."""


class Misbehaviour(Exception):
    """The implementation broke the protocol itself: it returned no array, say. It is a violation.

    Attributes:
        fact: what it did. An adapter may say it in one sentence instead.
    """

    def __init__(self, said: Fact | str) -> None:
        super().__init__(said)
        self.fact = said if isinstance(said, Fact) else Fact(Kind.SAID, "", said)

    @property
    def raised(self) -> bool:
        """Whether the target raised an exception of its own."""
        return self.fact.kind is Kind.RAISED


class UnusableTarget(Exception):
    """The target cannot be loaded or built at all; one sentence says why and what to do."""


def had(seen: Seen) -> Array | None:
    """The array, where it could be had, or None where there is none.

    Raises:
        Unsupported: it could not be asked for.
        Misbehaviour: what came is no such array.
    """
    if isinstance(seen, Wrong):
        raise Misbehaviour(seen.fact)
    if isinstance(seen, Unseen):
        raise Unsupported(seen.reason if isinstance(seen, Missing) else "it was not seen")
    return seen


@dataclass(frozen=True, eq=False)
class Grads:
    """What a backward pass gave: ``x`` of the input's shape, ``weight, bias: (C,)``; None where none was asked for."""

    x: Seen
    weight: Seen
    bias: Seen


@dataclass(frozen=True, eq=False)
class SecondGrads:
    """What going back twice gave: the gradients, and the derivatives of their products with a direction, summed.

    ``x, grad_y`` are of the input's shape, ``weight: (C,)``; Missing where the first backward pass was not recorded so far.
    """

    grads: Grads
    x: Seen
    weight: Seen
    grad_y: Seen


class Step(ABC):
    """One forward pass: its output, and the backward pass through it.

    Attributes:
        y: the output as the implementation shaped it.
        device: where y lies, in the implementation's words ("cpu", "cuda:0").
    """

    y: Array
    device: str = "cpu"

    def backward(self, grad_y: Placement) -> Grads:
        """Gradients of ``sum(grad_y * y)``."""
        raise Unsupported("there is no backward pass")

    def second(self, grad_y: Placement, along: Direction) -> SecondGrads:
        """Gradients of ``sum(grad_x * along.x) + sum(grad_weight * along.weight) + sum(grad_bias * along.bias)``."""
        raise Unsupported("there is no second backward pass")

    def pile(self, grad_y: Placement) -> Grads:
        """Go back to where gradients add up, step after step: what lies there then for x, weight and bias, None for nothing."""
        raise Unsupported("gradients do not add up anywhere")

    def beside(self, grad_y: Placement, other: Step, other_grad_y: Placement) -> tuple[Grads, Seen]:
        """One backward pass through this step and another of the layer: the gradients, and that of the other's input."""
        raise Unsupported("there is no going back through two steps at once")

    def rectify(self) -> None:
        """Rectify the output in place, as max(y, 0), so that a backward pass goes through that too."""
        raise Unsupported("nothing that is done to the output is recorded")

    def keep(self) -> None:  # noqa: B027  # most need do nothing
        """Called before a backward pass that another one through the same step will follow."""

    def input_changed(self) -> bool:
        """Whether the memory that x was handed over in (the whole buffer, its gaps too) differs from before the step."""
        raise Unsupported("the memory of the input is not watched")

    def given_changed(self) -> str:
        """Which of the other arrays that were handed over for reading was written to, in a word; empty where none was."""
        raise Unsupported("no other arrays are handed over")

    def upstream_changed(self) -> bool:
        """Whether the memory that the latest upstream gradient was handed over in differs from before the backward pass."""
        raise Unsupported("the memory of the upstream gradient is not watched")

    def shares_memory(self) -> bool:
        """Whether the output lies in memory of the input, so that whoever writes to one changes the other."""
        raise Unsupported("the memory of the output is not seen")

    def overwrite(self, what: Literal["x", "y", "weight"]) -> None:
        """Write zeros over the input, the output or the weight, as somebody may who does not need it any more."""
        raise Unsupported("nothing would notice that an array is written over")

    def now(self) -> tuple[Seen, Grads]:
        """The output, and the gradients of the latest backward pass, as their memory holds them now (copies)."""
        raise Unsupported("the memory of what came out is not watched")


class Session(ABC):
    """A layer built for one case, with the case's parameters and state loaded."""

    @abstractmethod
    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        """One forward pass in training or eval; ``record=False`` runs it without recording for a backward pass (no_grad)."""

    def tangent(self, x: Placement, along: Direction, *, training: bool) -> Seen:
        """The forward-mode derivative of y along a direction of x, weight and bias."""
        raise Unsupported("there are no forward-mode derivatives")

    def mapped(self, batches: tuple[Placement, ...]) -> tuple[Seen, ...]:
        """The outputs of an evaluation that is vectorized over several batches of one shape."""
        raise Unsupported("an evaluation is not vectorized over batches")

    def without_numbers(self, x: Placement, grad_y: Placement, *, training: bool) -> Forms:
        """What a step there and back gives, but for numbers, whose arrays have none; each beside what a real one gives."""
        raise Unsupported("its arrays have numbers")

    def ask(self, names: tuple[str, ...]) -> None:
        """Of x, weight and bias, those that are named ask for a gradient from now on, and no others."""
        raise Unsupported("gradients are not asked for one by one")

    def state(self) -> State:
        """The running statistics and the counter as they are now (copies)."""
        raise Unsupported("the running statistics are not seen")

    def held_state(self) -> State:
        """The same, read through references taken before the first step: another thing where a buffer was replaced."""
        raise Unsupported("no references to the running statistics are kept")

    def load(self, state: State) -> None:
        """Load running statistics and counter through the implementation's own way of loading a saved state."""
        raise Unsupported("there is no way to load a saved state")

    def reuse_loaded(self) -> None:
        """Write zeros over the arrays that were loaded last, as whoever had saved them may who uses them again."""
        raise Unsupported("there is no way to load a saved state")

    def track(self, on: bool) -> None:
        """Set track_running_stats: whether training moves the running statistics from now on."""
        raise Unsupported("whether it tracks is decided when it is built")

    @property
    def whole(self) -> bool:
        """Whether it promises all of torch's contract, what is refused too; by default what is asked through this protocol."""
        return False

    def shown(self) -> dict[str, str]:
        """The hyperparameters by their names, as the layer shows them to people."""
        raise Unsupported("it does not show its hyperparameters")

    def learned(self) -> int:
        """How many parameters an optimizer would be given."""
        raise Unsupported("its parameters are not counted")

    def restored(self) -> Session:
        """Another layer, built alike, that has loaded what this one saves."""
        raise Unsupported("there is no way to save a state")

    def held(self, *, sure: bool = False) -> int:
        """How many things the layer holds on to: the memory of inputs and outputs that nobody else has, and what it lists.

        Inputs and outputs are those of the steps since this was asked first. What only points at itself may be counted until it
        is ``sure`` that nobody holds it.
        """
        raise Unsupported("what it holds is not seen")

    def state_in_graph(self) -> bool:
        """Whether a running statistic is attached to a recorded computation."""
        raise Unsupported("nothing is recorded")

    def copied(self) -> Session:
        """A copy of the layer, which shares nothing with it."""
        raise Unsupported("a layer that is not copied")

    def undergo(self, word: str, case: Case) -> Session:
        """What happens to the layer beside its steps (``cases.circumstances``), or how it is called from now on.

        Args:
            word: of HAPPENINGS, SETTLINGS or MANNERS, or RESET.
            case: whose sizes and dtypes the layer has.

        Returns:
            The layer that goes on: another one where it was copied.
        """
        raise Unsupported(f"a layer that does not {word}")

    @property
    def settles(self) -> bool:
        """Whether there is a way to settle it, so that it may live before the step that is judged."""
        return type(self).settle is not Session.settle

    def settle(self, case: Case) -> Session:
        """Give the layer, whatever it went through, the parameters, state and hyperparameters of a case of its sizes."""
        raise Unsupported("a layer is given parameters and state when it is built alone")


class Implementation(ABC):
    """An implementation under test.

    Attributes:
        name: what the report calls it.
        device: where its arrays lie.
        domain: the cases that it takes; cases are drawn within it, and it is never asked for others.
        form: how the target is called, in one phrase.
        notes: what a reader must know of how it was recognized, a sentence each.
        library: that of which the target itself is a part; empty for whatever else, built upon one or not.
        momentum_weights: which value the target's own momentum weights; ``case.momentum`` always weights the new one.
        settles_hyperparameters: whether eps and momentum can be set after construction.
    """

    name: str
    device: str = "cpu"
    domain: Domain = Domain()
    form: str = PLAIN
    notes: tuple[str, ...] = ()
    library: str = ""
    momentum_weights: Literal["new", "old"] = "new"
    settles_hyperparameters: bool = False

    def supports(self, pair: Pair) -> bool:
        """Whether it has layers of this pair of dtypes."""
        return True

    @abstractmethod
    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        """Build a layer with the case's hyperparameters, parameters and state.

        Args:
            case: its x and grad_y are not used here.
            trainable: False freezes weight and bias: no gradient of theirs is asked for.
            input_gradient: False hands over inputs that need no gradient.

        Raises:
            Unsupported: it cannot build such a layer.
        """

    def with_threads(self, number: int) -> AbstractContextManager[None]:
        """In which steps may use so many threads."""
        raise Unsupported("the number of its threads cannot be set")

    def alive(self) -> bool:
        """Whether the device still answers: after some errors of native code none does, in that process. By default True."""
        return True

    def fresh(self, case: Case) -> tuple[Seen, Seen, State]:
        """Weight, bias and state of a layer with the case's hyperparameters, as it is constructed."""
        raise Unsupported("a layer is not seen as it is constructed")

    def settings(self) -> dict[str, Setting]:
        """Of what a step must leave as it is, what is set and not drawn: how it is read, and how it is set."""
        return dict(SETTINGS)

    def surroundings(self, *, stir: bool = False) -> dict[str, object]:
        """What a step must leave as it is beside the layer, by name; by default of Python and NumPy.

        ``stir`` draws a number of each generator first, so that whoever sets its state is seen a second time too.
        """
        return {**of_python(stir=stir), **{name: read() for name, (read, _) in self.settings().items()}}

    def kernels(self, case: Case, *, training: bool) -> frozenset[str] | None:
        """Names of the known libraries whose own batch norm a step of this case runs through, backward pass included.

        What such a library is known to do wrong, an implementation that runs through it may do as well. By default none. None
        instead of names where there is no such step.
        """
        return frozenset()
