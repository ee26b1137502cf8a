"""What happens to a layer of a recognized form beside its steps: as much as a layer of its kind is known for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bn_reference.cases.case import Case
from bn_reference.targets.happenings import HAPPENINGS
from bn_reference.targets.protocol import Unsupported

if TYPE_CHECKING:
    from bn_reference.targets.forms.torch_life import TorchLife

__all__ = ["Life", "life_of"]

OF_MODULES = frozenset({"copy", "pickle", "load", "reset", "convert", "poison"})
OF_SCRIPTED = OF_MODULES - {"copy", "pickle"}  # torch copies and pickles of one what it has compiled alone
OF_OBJECTS = frozenset({"copy"})


class Life:
    """That of a layer on arrays, which can be copied.

    Attributes:
        loads: whether it is given running statistics as a saved state.
    """

    loads = False

    def after(self, word: str, layer: Any, case: Case) -> Any:
        """The layer to go on with. Raises Unsupported where this does not happen to it."""
        if word != "copy":
            raise Unsupported(f"a layer that does not {word}")
        return HAPPENINGS[word](layer)


def life_of(library: str, layer: Any) -> Life | TorchLife:
    """That of a layer of NumPy or torch."""
    if library == "numpy":
        return Life()
    import torch

    from bn_reference.targets.forms.torch_life import TorchLife

    if isinstance(layer, torch.jit.ScriptModule):
        return TorchLife(OF_SCRIPTED)
    return TorchLife(OF_MODULES if isinstance(layer, torch.nn.Module) else OF_OBJECTS)
