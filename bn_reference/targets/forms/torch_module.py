"""The adapter for any class or factory with the constructor of ``torch.nn.BatchNorm1d``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch

from bn_reference.cases.case import Case, Seen, State
from bn_reference.cases.facts import Unseen
from bn_reference.support.threads import on_threads
from bn_reference.targets import WHOLE_MODULE
from bn_reference.targets.forms.forward_alone import ForwardAlone
from bn_reference.targets.forms.torch_kernels import kernels_of
from bn_reference.targets.forms.torch_session import TorchSession
from bn_reference.targets.forms.torch_state import as_state, attribute
from bn_reference.targets.forms.torch_tensors import (
    SETTINGS,
    TORCH_DTYPES,
    answers,
    seen,
    surroundings,
)
from bn_reference.targets.protocol import Implementation, Session
from bn_reference.targets.surroundings import Setting

__all__ = ["TorchImplementation"]


def _eager(module: Any) -> torch.nn.Module:
    """The layer that was compiled."""
    eager: torch.nn.Module = module._orig_mod
    return eager


class TorchImplementation(Implementation):
    """A factory of modules: called with the arguments of ``torch.nn.BatchNorm1d``, by keyword."""

    form, settles_hyperparameters = WHOLE_MODULE, True

    def __init__(self, factory: Callable[..., torch.nn.Module], name: str, device: str = "cpu") -> None:
        self.factory = factory
        self.name = name
        self.device = device
        self._alone = ForwardAlone()

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        return TorchSession(self._build, case, self.device, trainable, input_gradient, self._alone)

    def fresh(self, case: Case) -> tuple[Seen, Seen, State]:
        module = self._build(case)
        weight, bias, mean, var, batches = (
            attribute(module, name) for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        )
        parameters = (p if isinstance(p, Unseen) else seen(p, "a parameter") for p in (weight, bias))
        return next(parameters), next(parameters), as_state(mean, var, batches)

    def settings(self) -> dict[str, Setting]:
        return {**super().settings(), **SETTINGS}

    def surroundings(self, *, stir: bool = False) -> dict[str, object]:
        return {**super().surroundings(stir=stir), **surroundings(stir=stir)}

    def with_threads(self, number: int) -> AbstractContextManager[None]:
        return on_threads(number)

    def alive(self) -> bool:
        return answers(self.device)

    def kernels(self, case: Case, *, training: bool) -> frozenset[str] | None:
        if type(self._build(case)).__name__ != "OptimizedModule":
            return kernels_of(self, case, training)
        # torch.compile keeps what the layer does that it compiled, whose kernel is torch's or not
        compiled = TorchImplementation(lambda *given, **named: _eager(self.factory(*given, **named)), self.name, self.device)
        return kernels_of(compiled, case, training)

    def _build(self, case: Case) -> torch.nn.Module:
        return self.factory(
            case.channels,
            eps=case.eps,
            momentum=case.momentum,
            affine=case.affine,
            track_running_stats=case.tracks,
            device=self.device,
            dtype=TORCH_DTYPES[case.pair.parameters],
        )
