"""Python runs this when it starts, where the audit put its folder first on the path: the batch norm is replaced in time.

It needs the standard library alone, and does nothing but watch for the module that has the batch norm.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType

LAYER, REPLACED = "BN_REFERENCE_AUDIT", "BN_REFERENCE_AUDIT_REPLACE"
NAME = "sitecustomize"


class _After(importlib.abc.Loader):
    """Loads a module as its own loader does, and replaces what is in it then."""

    def __init__(self, loader: importlib.abc.Loader, layer: str, replaced: str) -> None:
        self.loader, self.layer, self.replaced = loader, layer, replaced

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:  # whoever asks meets the module's own loader
            module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        from bn_reference.power.audit.replacing import replace

        replace(module, self.layer, self.replaced)


class _Watch(importlib.abc.MetaPathFinder):
    """Finds the one module that is waited for, by whoever finds it otherwise."""

    def __init__(self, name: str, layer: str, replaced: str) -> None:
        self.name, self.layer, self.replaced = name, layer, replaced

    def find_spec(
        self, name: str, path: object = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _After(spec.loader, self.layer, self.replaced)
        return spec


def _go_on() -> None:
    """The sitecustomize that would have been run otherwise, if there is one further down the path."""
    here = os.path.dirname(os.path.abspath(__file__))
    further = [folder for folder in sys.path if os.path.abspath(folder or os.curdir) != here]
    spec = importlib.machinery.PathFinder.find_spec(NAME, further)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


def watch(layer: str, replaced: str) -> None:
    """Let the layer take the place of what is replaced, "module:attribute" or else torch's, when that is loaded."""
    sys.meta_path.insert(0, _Watch(replaced.partition(":")[0] or "torch", layer, replaced))


if __name__ == NAME:  # as Python runs it at its start
    if LAYER in os.environ:
        watch(os.environ[LAYER], os.environ.get(REPLACED, ""))
    _go_on()
