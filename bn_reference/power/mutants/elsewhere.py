"""Mutants that are wrong inside autocast, or in another thread than that which built them."""

from __future__ import annotations

import signal
import threading
from typing import Any

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved, Statistics
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.mutants.lives import EVALUATION, GRAD_X, MEAN, OUTPUT, VARIANCE

__all__ = ["ELSEWHERE"]

ELSEWHERE = Family()
mutant = ELSEWHERE.mutant

AUTOCAST = issue("pytorch/pytorch", 115500)
UNSAFE, MEMBERS = issue("chainer/chainer", 6005), pull("microsoft/onnxruntime", 22479)


def narrow(batch: Tensor) -> Tensor:
    """The batch as autocast narrows it, where it is on."""
    kind = batch.device.type
    on = torch.is_autocast_enabled(kind)
    return batch.to(torch.get_autocast_dtype(kind)).to(batch.dtype) if on else batch


@mutant(AUTOCAST, OUTPUT, MEAN, VARIANCE)
class NarrowStatisticsInAutocast(CleanBatchNorm1d):
    """Inside autocast mean and variance are those of the batch in bfloat16."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        return super().batch_statistics(narrow(batch))


@mutant(AUTOCAST, OUTPUT, EVALUATION)
class NarrowOutputInAutocast(CleanBatchNorm1d):
    """Inside autocast the output is rounded to bfloat16."""

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return narrow(super().scale_and_shift(x_hat, gamma, beta))


@mutant(AUTOCAST, MEAN, VARIANCE)
class StatisticsStandStillInAutocast(CleanBatchNorm1d):
    """Inside autocast training leaves the running statistics where they are."""

    def moves_statistics(self, batch: Tensor) -> bool:
        return super().moves_statistics(batch) and not torch.is_autocast_enabled(batch.device.type)


@mutant(UNSAFE, MEAN, VARIANCE)
class MovesInTheMainThreadAlone(CleanBatchNorm1d):
    """The running statistics move in the main thread alone, as those of a replica in a thread of its own are lost."""

    def moves_statistics(self, batch: Tensor) -> bool:
        return super().moves_statistics(batch) and threading.current_thread() is threading.main_thread()


@mutant(UNSAFE, OUTPUT, EVALUATION)
class SetsAnAlarm(CleanBatchNorm1d):
    """A step asks for a signal, which only the main thread may."""

    def forward(self, batch: Tensor) -> Tensor:
        signal.signal(signal.SIGUSR2, signal.getsignal(signal.SIGUSR2) or signal.SIG_DFL)
        return super().forward(batch)


OF_THE_THREAD = threading.local()


@mutant(UNSAFE, OUTPUT, EVALUATION)
class EpsOfTheThread(CleanBatchNorm1d):
    """The layer looks up eps in what the thread keeps, and takes a half in a thread that keeps nothing."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        OF_THE_THREAD.known = True

    def deviation(self, var: Tensor) -> Tensor:
        return torch.sqrt(var + (self.eps if hasattr(OF_THE_THREAD, "known") else 0.5))


class Latest:
    """What all layers share; no layer."""

    x_hat: Tensor | None = None


@mutant(MEMBERS, GRAD_X)
class OnePlaceForAllLayers(CleanBatchNorm1d):
    """All layers keep the normalized batch of their latest step in one place, where each backward pass looks for its own."""

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        x_hat = super().normalize(rows, mu, sigma)
        Latest.x_hat = x_hat.detach().clone()
        return x_hat

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        latest = Latest.x_hat
        same = latest is not None and latest.shape == saved.x_hat.shape and latest.dtype == saved.x_hat.dtype
        return super().gradients(grad_y, saved._replace(x_hat=latest) if same and latest is not None else saved)
