"""Adapters that users write: built, and tried once, as factories of layers are, before anything is verified."""

from __future__ import annotations

import inspect

import numpy as np

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.conventions import Conventions
from bn_reference.targets.border import in_words, kind_of, raised, said
from bn_reference.targets.functional import Functional
from bn_reference.targets.protocol import Implementation, Misbehaviour, Session, Unsupported, UnusableTarget

__all__ = ["adapter_of"]

FORWARD = ("x", "weight", "bias", "mean", "var", "training", "eps", "momentum")
BACKWARD = ("grad_y", *FORWARD)


def adapter_of(name: str, thing: Implementation | type[Implementation], device: str) -> Implementation:
    """The adapter that a user wrote, built where a class was given, after it has built a layer to see that it can.

    Raises:
        UnusableTarget: with the sentence that says why and what to do.
    """
    adapter = thing
    if isinstance(adapter, type):
        try:
            adapter = adapter()
        except (Exception, SystemExit) as error:
            rule = "an adapter class is built without arguments; pass an instance that needs none"
            raise UnusableTarget(f"the adapter {name} cannot be built: {said(error)}; {rule}") from error
    if not isinstance(getattr(adapter, "name", None), str):
        adapter.name = name
    declared = getattr(adapter, "conventions", None)
    if declared is not None and not isinstance(declared, Conventions):
        rule = "must be bn_reference.Conventions(...), or None where it promises nothing of its own"
        raise UnusableTarget(f"conventions of {name} is {in_words(declared) or kind_of(declared)}, but {rule}")
    if device not in ("cpu", adapter.device):
        rule = f"keeps its arrays on {adapter.device!r}; use that device"
        raise UnusableTarget(f"the device is {device!r}, but the adapter {name} {rule}")
    if isinstance(adapter, Functional):
        _require_arguments(name, adapter)
    _require_layers(name, adapter)
    return adapter


def _require_arguments(name: str, adapter: Functional) -> None:
    """Its methods take what they are called with, and its attributes have values that they can have."""
    _ = adapter.domain  # raises what is wrong with it
    for method, wanted in ((adapter.forward, FORWARD), (adapter.backward, BACKWARD)):
        try:
            inspect.signature(method).bind(*wanted)
        except TypeError as error:
            rule = f"it must take ({', '.join(wanted)})"
            raise UnusableTarget(f"{method.__name__} of {name} cannot be called: {said(error)}; {rule}") from error


def _require_layers(name: str, adapter: Implementation) -> None:
    """Let the adapter build a layer, as factories are let build one: in the first pair of dtypes that it takes."""
    for pair in PAIRS:
        column, vector = np.ones((2, 3), pair.input_dtype), np.ones(3, pair.parameter_dtype)
        case = Case(pair, column, column, vector, vector - vector, vector - vector, vector)
        try:
            if adapter.supports(pair):
                session = adapter.open(case)
                break
        except (Unsupported, NotImplementedError):
            continue
        except Misbehaviour:  # the layer's, which is for the verification to tell
            return
        except (Exception, SystemExit) as error:
            wrong = raised(error)
            place = f" ({wrong.file}, line {wrong.line})" if wrong.file else ""
            rule = "an adapter's supports and open must work before anything can be verified; mend that first"
            raise UnusableTarget(f"the adapter {name} fails to build a layer: {said(error)}{place}; {rule}") from error
    else:
        return
    if not isinstance(session, Session):
        rule = "must return a Session of bn_reference.targets.protocol"
        raise UnusableTarget(f"the adapter {name} opens {kind_of(session)}, but {rule}; make it one")
