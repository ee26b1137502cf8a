"""Whether a layer runs through torch's own batch norm: what torch is known to do wrong there, the layer may do as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils._python_dispatch import TorchDispatchMode

from bn_reference.cases.case import Case
from bn_reference.cases.layouts import place

if TYPE_CHECKING:
    from bn_reference.targets.protocol import Implementation

__all__ = ["TORCH_KERNEL", "kernels_of"]

TORCH_KERNEL = "torch"


class _Operations(TorchDispatchMode):
    """Writes down which operations of torch run below autograd."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func.name())
        return func(*args, **(kwargs or {}))


def kernels_of(implementation: Implementation, case: Case, training: bool) -> frozenset[str]:
    """``{"torch"}`` where a step of this case, there and back, calls torch's batch norm; empty where it does not."""
    watch = _Operations()
    try:
        with watch:
            session = implementation.open(case)
            step = session.forward(place(case.x, case.layout), training=training)
            step.backward(place(case.grad_y, case.grad_layout))
    except Exception:  # whatever goes wrong in the step is told where the step is judged
        pass
    return frozenset({TORCH_KERNEL} if any("batch_norm" in name for name in watch.names) else ())
