"""From what a user gives to an implementation: the forms in which a target may come, asked one after another.

Whatever is wrong raises UnusableTarget with one sentence. Frameworks are imported by the target, never here for its own sake.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from bn_reference.support.alarms import TooLate, is_from_outside, within_seconds
from bn_reference.support.threads import on_one_thread
from bn_reference.targets.adapters import adapter_of
from bn_reference.targets.border import in_words, is_of_a_target, kind_of, raised, said
from bn_reference.targets.forms import functions, kernel_model, modules, plain, tables, whole
from bn_reference.targets.forms.near import Near
from bn_reference.targets.frameworks.known import adapter_named, adapter_of_class
from bn_reference.targets.locating import FORMS, imported, locate
from bn_reference.targets.protocol import Implementation, UnusableTarget

__all__ = ["FORMS", "RECOGNIZED", "load_target", "name_of"]

MOST_SECONDS = 30  # for all that a target is tried on

Recognize = Callable[[str, Any, str], Implementation | Near | None]

RECOGNIZED: tuple[Recognize, ...] = (
    whole.recognize,
    kernel_model.recognize,
    functions.recognize,
    tables.recognize,
    modules.recognize,
    plain.recognize,
)  # in this order; the first that fits


def load_target(target: object, device: str = "cpu", imports: Iterable[str] = ()) -> Implementation:
    """The implementation that a target stands for, after a layer was built and tried to see that it can be.

    Args:
        target: ``module:attribute``, ``path/to/file.py:attribute``, what that names, or an adapter.
        device: where a torch layer and its arrays lie.
        imports: modules that are imported before anything else, as one that makes the device known to torch.

    Raises:
        UnusableTarget: with the sentence that says why and what to do.
    """
    try:
        for module in imports:
            imported(module)
        return _loaded(target, device)
    except UnusableTarget:
        raise
    except BaseException as error:
        if is_from_outside(error) or not is_of_a_target(error):
            raise
        wrong = raised(error)
        place = f" ({wrong.file}, line {wrong.line})" if wrong.file else ""
        name = target if isinstance(target, str) else name_of(target)
        rule = "while it is looked at and tried on a few small batches; mend that first"
        raise UnusableTarget(f"the target {name} raises {said(error)}{place} {rule}") from error


def _loaded(target: object, device: str) -> Implementation:
    known = adapter_named(target) if isinstance(target, str) else adapter_of_class(target)
    if known is not None:
        return adapter_of(*known, device)
    name, thing = (target, locate(target)) if isinstance(target, str) else (name_of(target), target)
    if isinstance(thing, Implementation) or (isinstance(thing, type) and issubclass(thing, Implementation)):
        return adapter_of(name, thing, device)
    _require_builder(name, thing, named=isinstance(target, str))
    with on_one_thread():  # small batches take longest on many
        try:
            with within_seconds(MOST_SECONDS):
                found = _recognized(name, thing, device)
        except TooLate:
            rule = "a layer is built, and tried on a few small batches, before anything is verified; look what it waits for"
            raise UnusableTarget(f"the target {name} takes longer than {MOST_SECONDS} s to be tried, but {rule}") from None
        found.library = _library_of(thing)
        return found


def _library_of(thing: Any) -> str:
    """The library that has the target itself: torch, or none, as no other is looked for by its name alone."""
    module, name = getattr(thing, "__module__", None) or "", getattr(thing, "__qualname__", "")
    its_own = vars(sys.modules.get(module, sys)).get(name) is thing
    return "torch" if its_own and module.startswith("torch.nn.") else ""


def _recognized(name: str, thing: Any, device: str) -> Implementation:
    """What the first form makes of it that fits."""
    nearest: list[Near] = []
    for recognize in RECOGNIZED:
        found = recognize(name, thing, device)
        if isinstance(found, Implementation):
            return found
        if found is not None:
            nearest.append(found)
    raise UnusableTarget(_unrecognized(name, nearest))


def name_of(target: object) -> str:
    """``module:attribute`` of an object that was passed instead of its name."""
    known = target if hasattr(target, "__qualname__") else type(target)
    if isinstance(target, Implementation):
        return getattr(target, "name", f"{known.__module__}:{known.__qualname__}")
    return f"{known.__module__}:{known.__qualname__}"


def _require_builder(name: str, thing: object, *, named: bool) -> None:
    """What is to be recognized builds layers or is a function: it is no name in another guise, and no layer."""
    if not callable(thing) and named:
        rule = "must be a class or a function that builds a layer, or an adapter; name one of those"
        raise UnusableTarget(f"the target {name} is of type {type(thing).__name__}, which cannot be called, but it {rule}")
    if not callable(thing):
        met = in_words(thing) or kind_of(thing)
        raise UnusableTarget(f"the target is {met}, but must be {FORMS}, or what that names; pass 'torch.nn:BatchNorm1d', say")
    if not isinstance(thing, type) and all(hasattr(thing, method) for method in ("train", "eval", "state_dict")):
        which = f"the target {name}" if named else "the target"
        raise UnusableTarget(
            f"{which} is a layer already, but must be what builds layers; {'name' if named else 'pass'} its class"
        )


def _unrecognized(name: str, nearest: list[Near]) -> str:
    """The nearest form, what is missing of it, and what to do."""
    offer = f"mend that, or let `bn-reference probe {name} --write FILE.py` write a wrapper for it"
    if not nearest:
        return f"the target {name} has no form that is known; {offer.removeprefix('mend that, or ')}"
    near = max(nearest, key=lambda each: each.marks)  # the first of those that have most
    return f"the target {name} is nearest to {near.form}, but {near.missing}; {offer}"
