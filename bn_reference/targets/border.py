"""The border: what comes out of an implementation is an array of the right kind and shape, or a fact that says what it is.

Each thing is looked at once, here; behind it nothing needs to ask again. dtypes are left to the rule that speaks of them.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import DTYPES
from bn_reference.cases.case import Seen, State
from bn_reference.cases.facts import Fact, Kind, Missing, Raised, Unseen, Wrong
from bn_reference.support.alarms import is_from_outside
from bn_reference.targets.protocol import Grads, Misbehaviour, SecondGrads

__all__ = [
    "in_words",
    "is_of_a_target",
    "kind_of",
    "missing",
    "raised",
    "said",
    "seen_array",
    "seen_grads",
    "seen_second",
    "seen_state",
]

OURS = str(Path(__file__).parents[1]) + os.sep
INSTALLED = tuple({sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")})
KNOWN = frozenset(DTYPES.values())
LONGEST_TEXT = 300  # of an exception, in a sentence


def kind_of(thing: object) -> str:
    """What a thing is, with an article."""
    if thing is None:
        return "None"
    name = type(thing).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' or name == 'ndarray' else 'a'} {name}"


def seen_array(value: object, what: str, shape: tuple[int, ...]) -> Seen:
    """The value where it is an array of numbers of this shape, and None where there is nothing."""
    if value is None or isinstance(value, Unseen):
        return value
    if not isinstance(value, np.ndarray):
        return Wrong(Fact(Kind.NOT_AN_ARRAY, what, kind_of(value), "a NumPy array"))
    if value.dtype not in KNOWN:
        return Wrong(Fact(Kind.DTYPE_KIND, what, str(value.dtype)))
    if value.shape != shape:
        return Wrong(Fact(Kind.SHAPE, what, value.shape, shape))
    return np.asarray(value)


def seen_grads(value: object, shape: tuple[int, ...]) -> Grads:
    """Gradients, each looked at by itself: that of a batch of this shape, and those of its channels.

    Raises:
        Misbehaviour: they are no Grads.
    """
    if not isinstance(value, Grads):
        raise Misbehaviour(Fact(Kind.RETURNED, "backward", kind_of(value), "bn_reference's Grads"))
    channels = shape[1:2]
    return Grads(
        seen_array(value.x, "grad_x", shape),
        seen_array(value.weight, "grad_weight", channels),
        seen_array(value.bias, "grad_bias", channels),
    )


def seen_second(value: object, shape: tuple[int, ...]) -> SecondGrads:
    """Gradients and their derivatives, each looked at by itself.

    Raises:
        Misbehaviour: they are no SecondGrads.
    """
    if not isinstance(value, SecondGrads):
        raise Misbehaviour(Fact(Kind.RETURNED, "the second backward pass", kind_of(value), "bn_reference's SecondGrads"))
    return SecondGrads(
        seen_grads(value.grads, shape),
        seen_array(value.x, "second_grad_x", shape),
        seen_array(value.weight, "second_grad_weight", shape[1:2]),
        seen_array(value.grad_y, "second_grad_grad_y", shape),
    )


def seen_state(value: object, channels: int) -> State:
    """A state, each part looked at by itself.

    Raises:
        Misbehaviour: it is no State.
    """
    if not isinstance(value, State):
        raise Misbehaviour(Fact(Kind.NOT_AN_ARRAY, "the state", kind_of(value), "bn_reference's State"))
    batches: Any = value.batches
    if batches is not None and not isinstance(batches, Unseen):
        batches = _number(batches)
    return State(
        seen_array(value.mean, "running_mean", (channels,)), seen_array(value.var, "running_var", (channels,)), batches
    )


def _number(batches: Any) -> int | Unseen:
    try:
        return int(batches)
    except Exception:  # whatever the thing does when it is asked for a number
        return Wrong(Fact(Kind.NOT_AN_ARRAY, "num_batches_tracked", kind_of(batches), "a whole number"))


def raised(error: BaseException) -> Raised:
    """An exception of the target's, and the line of its own code that it left last, where there is one."""
    return Raised(type(error).__name__, in_words(error, str, LONGEST_TEXT), *_place(error.__traceback__))


def in_words(thing: object, say: Callable[[object], str] = repr, longest: int = 60) -> str:
    """What a thing says of itself, on one line that any terminal can show; nothing where it cannot even say that."""
    try:
        text = " ".join(say(thing).split())
    except BaseException as another:
        if is_from_outside(another):
            raise
        return ""
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[: longest + 1])
    return f"{shown[: longest - 3]}..." if len(shown) > longest else shown


def is_of_a_target(error: BaseException) -> bool:
    """Whether it was raised in code of a target: it passed a line that is neither ours nor installed, or ends the program."""
    return not isinstance(error, Exception) or bool(_own(_not_ours(error.__traceback__)))


Place = tuple[str, int]  # file and line


def _not_ours(traceback: TracebackType | None) -> list[Place]:
    theirs: list[Place] = []
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith(OURS) and os.path.isabs(file):
            theirs.append((file, traceback.tb_lineno))
        traceback = traceback.tb_next
    return theirs


def _own(places: list[Place]) -> list[Place]:
    return [place for place in places if not place[0].startswith((*INSTALLED, sys.prefix))]


def _place(traceback: TracebackType | None) -> Place:
    """The innermost line that is neither ours nor installed, else the innermost that is not ours; nothing where all are."""
    theirs = _not_ours(traceback)
    return (_own(theirs) or theirs or [("", 0)])[-1]


def missing(error: BaseException, otherwise: str) -> Missing:
    """Why something cannot be had, in the words of whoever refused it."""
    return Missing(" ".join(str(error).split()) or otherwise)


def said(error: BaseException) -> str:
    """An exception on one line: its type and its text; of a wrong form, what was found."""
    if isinstance(error, Misbehaviour) and error.fact.kind is not Kind.SAID:
        found = error.fact.found
        met = f"{found.type}: {found.text}" if isinstance(found, Raised) else found
        wanted = f", where {error.fact.wanted} is needed" if isinstance(error.fact.wanted, str) else ""
        return f"{error.fact.what or 'what came out'}: {error.fact.kind.value} ({met}{wanted})"
    text = in_words(error, str, LONGEST_TEXT)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
