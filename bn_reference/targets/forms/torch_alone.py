"""Whether a forward pass is torch's own batch norm and nothing else: then nothing of the target's author computed anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bn_reference.cases.case import Case
from bn_reference.cases.layouts import place

if TYPE_CHECKING:
    from bn_reference.targets.protocol import Implementation

__all__ = ["NOTHING_OF_ITS_OWN", "is_alone", "is_recorded_alone", "is_torch_alone"]

NOTHING_OF_ITS_OWN = (
    "a small batch runs through torch's own batch norm alone on this device: no code of the author's computed anything there"
)

# operations that change no number: views, copies, empty memory
CHANGE_NOTHING = frozenset(
    f"aten::{name}"
    for name in (
        "alias", "as_strided", "clone", "contiguous", "detach", "detach_", "empty", "empty_like", "empty_strided", "expand",
        "flatten", "lift_fresh", "movedim", "permute", "reshape", "slice", "squeeze", "t", "transpose", "unflatten",
        "unsqueeze", "view", "_reshape_alias", "_to_copy", "_unsafe_view",
    )
)  # fmt: skip
RECORDED = (
    "NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm", "AccumulateGrad", "Alias", "AsStrided", "Clone", "Expand",
    "Movedim", "Permute", "Reshape", "Slice", "Squeeze", "TBackward", "Transpose", "UnsafeView", "Unsqueeze", "View",
)  # fmt: skip


class _Watch(TorchDispatchMode):
    """Looks at what runs below autograd: whether a batch norm of torch's does, and whether anything else computes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.outputs: list[torch.Tensor] = []
        self.others: list[torch.Tensor] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.name().partition(".")[0]
        if "batch_norm" in name and name.startswith("aten::"):
            y = result[0] if isinstance(result, tuple | list) else result
            self.outputs.append(y.clone())
        elif name not in CHANGE_NOTHING:
            self.others += [tensor for tensor in _tensors(result) if tensor.is_floating_point()]
        return result


def _tensors(result: Any) -> list[torch.Tensor]:
    return [part for part in (result if isinstance(result, tuple | list) else (result,)) if isinstance(part, torch.Tensor)]


def is_recorded_alone(y: torch.Tensor) -> bool:
    """Whether nothing is recorded but one batch norm of torch's own, and changes of shape."""
    ahead, seen, norms = [y.grad_fn], set(), 0
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        name = node.name().rpartition("::")[2]
        norms += "BatchNormBackward" in name
        if not name.startswith(RECORDED) or type(node).__module__ != "builtins":  # somebody's own has a class of its own
            return False
        ahead += [source for source, _ in node.next_functions]
    return norms == 1


def is_torch_alone(forward: Callable[[], Any]) -> bool:
    """Whether the output is what one batch norm of torch's own gave, bit for bit, and no other operation computed.

    Args:
        forward: one forward pass, which can be repeated; what it returns is the output.
    """
    watch = _Watch()
    try:
        y = forward()
        if not isinstance(y, torch.Tensor) or not (
            y.grad_fn is None or is_recorded_alone(y)
        ):  # found out in no time, while torch imports what watches
            return False
        with watch:
            y = forward()
    except Exception:  # what goes wrong in a step is told where the step is judged
        return False
    if not isinstance(y, torch.Tensor) or watch.others or len(watch.outputs) != 1:
        return False
    output = watch.outputs[0]
    if y.shape.numel() != output.shape.numel() or y.dtype != output.dtype:
        return False
    plain, wanted = y.detach().contiguous().flatten(), output.contiguous().flatten()
    return torch.equal(plain.view(torch.uint8), wanted.view(torch.uint8))


def is_alone(implementation: Implementation, case: Case) -> bool:
    """Whether layers that are no class of torch's own run through its batch norm alone, in training and in eval."""
    return all(_is_alone(implementation, case, training) for training in (True, False))


def _is_alone(implementation: Implementation, case: Case, training: bool) -> bool:
    try:
        session: Any = implementation.open(case)
    except Exception:  # told where the layer is judged
        return False
    layer = getattr(session, "module", getattr(session, "layer", None))
    if layer is None or type(layer).__module__.partition(".")[0] == "torch":
        return False
    x = place(case.x, case.layout)
    return is_torch_alone(lambda: session.forward(x, training=training).tensor)
