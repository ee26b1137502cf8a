"""The script of an adapter: through the protocol, with this package."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bn_reference.reports.results import Violation
from bn_reference.reproduction.run import fails

Violated = Callable[..., Violation]

ADAPTER = """
from bn_reference.cases.case import State
from bn_reference.targets.forms.numpy_layer import NumpyImplementation, NumpySession, NumpyStep
from bn_reference.targets.protocol import Implementation, Session, Step
from bn_reference.targets.recognition import load_target

FAULT = {fault!r}

class OurStep(Step):
    def __init__(self, inner):
        self._inner, self.y = inner, inner.y * 2 if FAULT == "doubled" else None if FAULT == "nothing" else inner.y

    def backward(self, grad_y):
        return self._inner.backward(grad_y)

    def keep(self):
        self._inner.keep()

    def input_changed(self):
        return FAULT == "written" or self._inner.input_changed()

class OurSession(Session):
    def __init__(self, inner):
        self._inner = inner

    def forward(self, x, *, training, record=True):
        if FAULT == "raises":
            raise OSError("no")
        return OurStep(self._inner.forward(x, training=training, record=record))

    def state(self):
        state = self._inner.state()
        return State(state.mean, state.var * 2, state.batches) if FAULT == "state" and state.var is not None else state

    def held_state(self):
        return self._inner.held_state()

    def load(self, state):
        self._inner.load(state)

class Adapter(Implementation):
    name = "ours"

    def __init__(self):
        self._inner = load_target("bn_reference:BatchNorm1d")

    def open(self, case, *, trainable=True, input_gradient=True):
        return OurSession(self._inner.open(case, trainable=trainable, input_gradient=input_gradient))

instance = Adapter()
"""
# what a user makes of one of our forms is an adapter as well
SUBCLASS = """
from bn_reference import BatchNorm1d
from bn_reference.cases.case import State
from bn_reference.targets.forms.numpy_layer import NumpyImplementation
from bn_reference.targets.protocol import Session

FAULT = {fault!r}

class OurSession(Session):
    def __init__(self, inner):
        self._inner = inner

    def forward(self, x, *, training, record=True):
        step = self._inner.forward(x, training=training, record=record)
        if FAULT == "gradients":
            backward = step.backward
            step.backward = lambda grad_y: (backward(grad_y).x, None, None)
        return step

    def state(self):
        return (1, 2) if FAULT == "state" else self._inner.state()

class Adapter(NumpyImplementation):
    def __init__(self):
        super().__init__(BatchNorm1d, "ours")

    def open(self, case, *, trainable=True, input_gradient=True):
        return OurSession(super().open(case, trainable=trainable, input_gradient=input_gradient))
"""


@pytest.mark.parametrize(
    ("fault", "property"),
    [
        ("doubled", "output_is_the_normalized_batch"),
        ("doubled", "every_layout_agrees_with_the_contiguous_one"),
        ("state", "one_step_moves_the_running_variance"),
        ("state", "nothing_is_stale_after_loading_a_state"),
        ("nothing", "output_is_the_normalized_batch"),
        ("written", "the_input_is_never_modified"),
        ("raises", "a_second_backward_pass_gives_the_same_bits"),
    ],
)
def test_an_adapter_has_a_script_too(fault: str, property: str, folder: Path, violated: Violated) -> None:
    target = f"ours.py:{'instance' if fault == 'state' else 'Adapter'}"
    code = violated(target, ADAPTER.format(fault=fault), property).reproducer

    wrong = fails(code, 60.0)
    (folder / "ours.py").write_text(ADAPTER.format(fault=""))

    assert (wrong, fails(code, 60.0)) == (True, False), code


@pytest.mark.parametrize(
    ("fault", "property"), [("gradients", "training_gradient_of_the_bias"), ("state", "one_step_moves_the_running_variance")]
)
def test_a_form_that_was_changed_is_called_as_an_adapter(fault: str, property: str, folder: Path, violated: Violated) -> None:
    code = violated("ours.py:Adapter", SUBCLASS.format(fault=fault), property).reproducer

    wrong = fails(code, 60.0)
    (folder / "ours.py").write_text(SUBCLASS.format(fault=""))

    assert (wrong, fails(code, 60.0)) == (True, False), code
