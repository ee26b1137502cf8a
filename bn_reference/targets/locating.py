"""From a name to what it names: ``module:attribute`` or ``path/to/file.py:attribute``.

Whatever is wrong raises UnusableTarget with one sentence.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import pkgutil
import sys
from types import ModuleType
from typing import Any

from bn_reference.support.alarms import TooLate, is_from_outside, within_seconds
from bn_reference.targets.border import said
from bn_reference.targets.protocol import UnusableTarget

__all__ = ["FORMS", "imported", "in_folder", "locate", "seen_from_here"]

EXTRAS = {"torch": "pip install 'bn-reference[torch]'"}  # what to do where a package is missing
FORMS = "module:attribute or path/to/file.py:attribute"
MOST_SECONDS = 120  # for an import; that of a large framework takes a good ten on a busy machine


def locate(spec: str) -> Any:
    """What a name names.

    Raises:
        UnusableTarget: with the sentence that says why there is none, and what to do.
    """
    place, colon, path = spec.rpartition(":")
    if not colon or not place or not path:
        raise UnusableTarget(f"the target is {spec!r}, but must be {FORMS}; write for example torch.nn:BatchNorm1d")
    try:
        with within_seconds(MOST_SECONDS):
            thing: Any = _file(place) if _is_file(place) else _module(place)
    except TooLate:
        raise UnusableTarget(_slow_import(place)) from None
    reached = place
    for part in path.split("."):
        try:
            thing = getattr(thing, part)
        except AttributeError:
            raise UnusableTarget(
                f"{reached} has no attribute {part!r}{_suggestion(part, dir(thing)) or '; check its name'}"
            ) from None
        except Exception as error:  # a module may compute its attributes
            raise UnusableTarget(f"{reached}.{part} cannot be read: {said(error)}; mend that first") from error
        reached += (":" if reached == place else ".") + part
    return thing


def in_folder(spec: str, folder: str) -> str:
    """A name as it reads anywhere: the path of a file, seen from a folder, as a whole one; that of a module stays."""
    place, colon, path = spec.rpartition(":")
    if not colon or not _is_file(place):
        return spec
    return f"{os.path.abspath(os.path.join(folder, place))}:{path}"


def seen_from_here(spec: str, folder: str) -> str:
    """A name that is seen from a folder, as it is seen from the working directory."""
    whole = in_folder(spec, folder)
    return spec if whole == in_folder(spec, os.getcwd()) else os.path.relpath(whole)


def _is_file(place: str) -> bool:
    return place.endswith(".py") or os.sep in place or "/" in place


def imported(name: str) -> None:
    """Import a module for what that does: make a device known, say.

    Raises:
        UnusableTarget: it cannot be imported.
    """
    try:
        with within_seconds(MOST_SECONDS):
            _module(name)
    except TooLate:
        raise UnusableTarget(_slow_import(name)) from None


def _slow_import(place: str) -> str:
    return f"{place} takes longer than {MOST_SECONDS} s to import; look what it waits for"


def _module(name: str) -> ModuleType:
    if "" not in sys.path and os.getcwd() not in sys.path:  # as with `python -m`: modules of the working directory count
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name + ".").startswith(error.name + "."):
            raise UnusableTarget(_failed_import(name, error)) from error
        package = error.name.partition(".")[0]
        if package in EXTRAS and sys.modules.get(package) is None:
            raise UnusableTarget(f"there is no module {package!r}; {EXTRAS[package]}") from None
        advice = (
            _suggestion(error.name, _siblings(error.name)) or "; check the name, and that it is installed in this environment"
        )
        raise UnusableTarget(f"there is no module {error.name!r}{advice}") from None
    except BaseException as error:
        if is_from_outside(error):
            raise
        raise UnusableTarget(_failed_import(name, error)) from error


def _siblings(name: str) -> list[str]:
    """Names of the modules beside one that is not there."""
    parent = sys.modules.get(name.rpartition(".")[0])
    places = getattr(parent, "__path__", ())
    return [f"{name.rpartition('.')[0]}.{entry.name}" for entry in pkgutil.iter_modules(places)]


def _file(path: str) -> ModuleType:
    if not os.path.isfile(path):
        what = "is a directory" if os.path.isdir(path) else "is not there"
        raise UnusableTarget(f"the target's file {path} {what}; check the path, which is read from {os.getcwd()}")
    folder, file = os.path.split(os.path.abspath(path))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    stem = file.removesuffix(".py")
    known = sys.modules.get(stem)
    taken = known is not None and os.path.abspath(getattr(known, "__file__", None) or "") != os.path.join(folder, file)
    name = f"_bn_target_{stem}" if taken else stem
    spec = importlib.util.spec_from_file_location(name, os.path.join(folder, file))
    if spec is None or spec.loader is None:
        raise UnusableTarget(f"the target's file {path} is no Python source; name a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(name, None)
        if is_from_outside(error):
            raise
        raise UnusableTarget(_failed_import(path, error)) from error
    return module


def _failed_import(name: str, error: BaseException) -> str:
    lacking = error.name if isinstance(error, ModuleNotFoundError) else None
    return f"{name} fails to import: {said(error)}; {EXTRAS.get(lacking or '', 'mend that first')}"


def _suggestion(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, [n for n in names if not n.startswith("_")], n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""
