"""How a layer is told whether it trains: by methods, an attribute, an argument, or by whether gradients are recorded."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from bn_reference.targets.forms.arrays import is_module
from bn_reference.targets.forms.names import EVALUATION, TRAINING
from bn_reference.targets.forms.slots import parts_of

__all__ = ["ALWAYS", "RECORDED", "Mode", "modes_of"]

ON = (
    "training",
    "train",
    "is_training",
    "is_train",
    "train_mode",
    "trainable",
    "bn_training",
    "in_training",
    "train_flg",
    "train_flag",
    "phase_train",
)  # True: trains
OFF = (
    "eval",
    "test",
    "inference",
    "is_test",
    "is_testing",
    "is_eval",
    "evaluate",
    "testing",
    "evaluation",
)  # True: it does not
WORDS = (("train", "test"), ("train", "eval"), ("training", "inference"), ("train", "inference"), ("training", "testing"))


@dataclass(frozen=True)
class Mode:
    """How it is told.

    Attributes:
        kind: methods ``train()`` and ``eval()``; an attribute; an argument of the call; "recording": it trains while gradients
            are recorded; "always": there is no telling.
        name: of the attribute or argument.
        training, evaluation: the values that stand for it.
    """

    kind: Literal["methods", "attribute", "argument", "recording", "always"]
    name: str = ""
    training: Any = True
    evaluation: Any = False

    def tell(self, layer: Any, training: bool) -> dict[str, Any]:
        """Tell the layer; what is returned goes with the call."""
        value = self.training if training else self.evaluation
        if self.kind == "methods":
            layer.train() if training else layer.eval()
        elif self.kind == "attribute":
            setattr(layer, self.name, value)
        elif self.kind == "argument":
            return {self.name: value}
        return {}

    @property
    def words(self) -> str:
        """In words."""
        return {
            "methods": "train() and eval()",
            "attribute": f"its attribute {self.name}",
            "argument": f"the argument {self.name}",
            "recording": "whether gradients are recorded",
            "always": "nothing",
        }[self.kind]


RECORDED, ALWAYS = Mode("recording"), Mode("always")


def modes_of(layer: Any, call: Callable[..., Any]) -> Iterator[Mode]:
    """The ways in which a layer may be told, by what things are called: those that it takes with the call first."""
    try:
        parameters = list(inspect.signature(call).parameters.values())[1:]
    except (TypeError, ValueError):
        parameters = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        yield from _values("argument", parameter.name, parameter.default)
    if all(callable(getattr(layer, name, None)) for name in ("train", "eval")):
        yield Mode("methods")
    for name, value in parts_of(layer).items():
        if name == "training" and is_module(layer):
            continue  # what train() does not set there stands still on purpose
        if isinstance(value, (bool, str, int)) or value is None:
            yield from _values("attribute", name, value)


def _values(kind: Literal["attribute", "argument"], name: str, value: Any) -> Iterator[Mode]:
    known = name.strip("_").lower()
    worded = isinstance(value, str) or known == "mode"
    argument = kind == "argument"  # attributes of such names may be something else
    if (known in ON or (argument and known in TRAINING)) and not isinstance(value, str):
        yield Mode(kind, name, True, False)
    elif (known in OFF or (argument and known in EVALUATION)) and not isinstance(value, str):
        yield Mode(kind, name, False, True)
    elif worded and (known in (*ON, *OFF, "mode", "phase") or value in {word for pair in WORDS for word in pair}):
        yield from (Mode(kind, name, *words) for words in WORDS)
        if not isinstance(value, str):
            yield Mode(kind, name, True, False)
