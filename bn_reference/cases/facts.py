"""Facts: what is so or not, and is no matter of rounding. Values with fields; ``reports.sentences`` says them in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = ["FAKE", "META", "Fact", "Form", "Kind", "Missing", "Raised", "Unseen", "Wrong"]


class Kind(Enum):
    """What kind of fact it is; beside each, what ``found`` and ``wanted`` hold, if anything.

    The order is that of depth: what stands further up explains what stands below it, and never the other way.
    """

    # a call went wrong; ``what`` names it: "building the layer", "forward", "backward", "reading the state" ...
    CRASHED = "crashed"  # found: how the process ended
    LOST = "lost"  # found: Raised, by the call that noticed that the device answers nothing any more
    HUNG = "hung"  # found: the limit in seconds; wanted: whether the process had to be ended
    RAISED = "raised"  # found: Raised
    NOT_TRIED = "not tried"  # found: how often it had crashed or hung before
    SAID = "said"  # found: the sentence in which an adapter says that its target broke the protocol
    # the form of what came out; ``what`` names the quantity
    NO_ATTRIBUTE = "no attribute"
    PRESENCE = "presence"  # found: the kind of thing; wanted: the option and its value, under which it must (not) be there
    RETURNED = "returned"  # found: the kind of thing that a call returned; wanted: what it must be
    NOT_AN_ARRAY = "not an array"  # found: the kind of thing; wanted: what it must be
    DTYPE_KIND = "dtype kind"  # found: a dtype that no number of batch normalization has
    SHAPE = "shape"  # found, wanted: shapes
    DEVICE = "device"  # found, wanted: devices
    NO_GRADIENT = "no gradient"  # nothing can flow back through a recorded output
    ABSENT = "absent"  # None where something was asked for
    UNWANTED = "unwanted"  # something where there is to be nothing
    WRITTEN = "written"  # the memory of an input was written to
    SHARED = "shared"  # an output lies in the memory of x
    SURROUNDINGS = (
        "surroundings"  # found: names of what is another after a step; what: the same in words; wanted: whether it trained
    )
    PRINTED = "printed"  # found: what a step printed
    FORM = "form"  # found, wanted: (shape, dtype name), or None for what is not there
    WITHOUT_NUMBERS = "without numbers"  # found, wanted: the Form of what a step gives without numbers and with them, or None
    ATTACHED = "attached"  # a running statistic is part of a recorded computation
    # what a layer may not do
    ACCEPTED = "accepted"  # found: the shape of an input; wanted: the channels of the layer that took it
    OTHER_NUMBERS = "other numbers"  # found: the dtype of an input; wanted: that of the output which cannot hold its numbers
    NO_VALUE = "no value"  # found: an element and its number; wanted: the hyperparameter with which there is none
    SHOWN = "shown"  # what: an argument; found, wanted: what the layer says that it is, and what it was given last
    PARAMETERS = "parameters"  # found: how many a layer has that was built without
    HOLDS = "holds"  # found: how many more things a layer holds; wanted: after so many steps
    NOT_REFUSED = "not refused"  # one value a channel was taken in training
    NOT_FINITE = "not finite"  # found: how many values a channel left the running statistics not finite
    CONVENTION = "convention"  # found, wanted: the values of a convention, kept and demanded
    COUNT = "count"  # found, wanted: numbers of batches
    ONE_SIDED = "one-sided"  # there in one of two runs that must be equal


@dataclass(frozen=True)
class Raised:
    """An exception: its type's name, its text on one line, and where it left the target's code: a file and a line."""

    type: str
    text: str = ""
    file: str = ""
    line: int = 0


FAKE, META = "as a FakeTensor", "on the meta device"


@dataclass(frozen=True)
class Form:
    """An array but for its numbers; ``where`` is FAKE or META, ``strides`` are empty where they do not matter."""

    where: str
    shape: tuple[int, ...]
    dtype: str
    device: str
    strides: tuple[int, ...] = ()


@dataclass(frozen=True)
class Fact:
    """A fact of a kind about ``what``: a quantity ("y", "grad_x", "running_var") or a call ("forward")."""

    kind: Kind
    what: str
    found: Any = None
    wanted: Any = None


class Unseen:
    """What stands in the place of an array that could not be had."""


@dataclass(frozen=True)
class Missing(Unseen):
    """The implementation cannot be asked for it; ``reason`` says why. Whatever reads it is unsupported, and nothing else."""

    reason: str


@dataclass(frozen=True)
class Wrong(Unseen):
    """What came is no such array at all: whatever reads it has failed, by this fact."""

    fact: Fact
