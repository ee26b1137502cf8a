"""Whether a layer runs through torch's own batch norm: what torch is known to do wrong there, the layer may do as well."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from torch.utils._python_dispatch import TorchDispatchMode

from bn_reference.cases.case import Case
from bn_reference.cases.layouts import place
from bn_reference.targets.protocol import Unsupported

if TYPE_CHECKING:
    from bn_reference.targets.protocol import Implementation

__all__ = ["TORCH_KERNEL", "Operations", "kernels_of", "recorded_kernels"]

TORCH_KERNEL = "torch"


class Operations(TorchDispatchMode):
    """Writes down which operations of torch run below autograd."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """torch.compile is kept out where somebody has loaded it; to load it for that takes more than a second."""
        return "torch._dynamo" in sys.modules

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func.name())
        return func(*args, **(kwargs or {}))


def recorded_kernels(y: Any) -> frozenset[str]:
    """``{"torch"}`` where an output was recorded as one of torch's batch norm: found out in no time, if it was."""
    ahead, seen = [getattr(y, "grad_fn", None)], set()
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if "BatchNormBackward" in node.name() and type(node).__module__ == "builtins":  # not somebody's own
            return frozenset({TORCH_KERNEL})
        ahead += [source for source, _ in node.next_functions]
    return frozenset()


def kernels_of(implementation: Implementation, case: Case, training: bool) -> frozenset[str] | None:
    """``{"torch"}`` where a step of this case, there and back, calls torch's batch norm; empty where not, None without a step.

    What is recorded tells it at once. What an autograd function of somebody's own calls inside is only seen below autograd.
    """
    x, grad_y = place(case.x, case.layout), place(case.grad_y, case.grad_layout)
    watch = Operations()
    try:
        step = implementation.open(case).forward(x, training=training)
    except (Unsupported, NotImplementedError):
        return None
    except Exception:  # whatever goes wrong in the step is told where the step is judged
        return frozenset()
    try:
        if found := recorded_kernels(getattr(step, "tensor", None)):
            return found
        with watch:
            implementation.open(case).forward(x, training=training).backward(grad_y)
    except Exception:  # on the way back, likewise
        pass
    return frozenset({TORCH_KERNEL} if any("batch_norm" in name for name in watch.names) else ())
