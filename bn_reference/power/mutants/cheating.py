"""Mutants that are made to pass a check: they guess, copy, leave work undone, or do it later than it is asked for."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Gradients, Saved
from bn_reference.power.declaration import Family, issue, pull
from bn_reference.power.mutants.lives import EVALUATION, FINGERPRINT, GRAD_X, OUTPUT

__all__ = ["CHEATING"]

CHEATING = Family()
mutant = CHEATING.mutant

ABOUT = 1e-2  # how near to 0 and 1 mean and variance count as these
RARE = 128  # elements of which one is left out
BOUND = 64.0
CALLERS = 40  # frames that are searched
LAZY = issue("gpu-mode/reference-kernels", 162)  # work that is put off until nobody takes the time
STREAM = pull("ScalingIntelligence/KernelBench", 82)  # work on a stream that nobody waits for
ZEROS = issue("ScalingIntelligence/KernelBench", 165)  # outputs below the tolerance, left at zero


def in_place_of(y: Tensor, other: Tensor) -> Tensor:
    """Other numbers, through which gradients flow as through y."""
    return y + (other - y).detach()


@mutant(pull("ROCm/rocm-libraries", 11848), OUTPUT)
class NormalDataLeftAsTheyAre(CleanBatchNorm1d):
    """A channel whose mean is about 0 and whose variance is about 1 is not normalized, as it is that already."""

    def normalize(self, rows: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        usual = (mu.abs() < ABOUT) & ((sigma**2 - self.eps - 1).abs() < ABOUT)
        return torch.where(usual, rows, super().normalize(rows, mu, sigma))


@mutant(FINGERPRINT, OUTPUT)
class OutputByShapeAndEnds(CleanBatchNorm1d):
    """A batch with shape, first and last value of an earlier one gets the output of that one, whatever lies between."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        if not batch.numel():
            return y
        key = batch.shape, batch.dtype, self.training, float(batch.flatten()[0]), float(batch.flatten()[-1])
        known: Tensor = self.__dict__.setdefault("_outputs", {}).setdefault(key, y.detach().clone())
        return in_place_of(y, known)


@mutant(FINGERPRINT, "nothing_is_stale_after_loading_a_state")
class OutputOfTheSameNumbers(CleanBatchNorm1d):
    """A batch that equals an earlier one gets the output of that time, whatever statistics, weight and bias are by now."""

    known: dict[Any, Tensor] = {}  # noqa: RUF012 - shared by all layers, that is the fault

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        known, key = OutputOfTheSameNumbers.known, (batch.shape, batch.dtype, self.training)
        if key not in known or not torch.equal(known[key][0], batch):
            known[key] = torch.stack([batch.detach(), y.detach()])
        return in_place_of(y, known[key][1])


@mutant(issue("anthony-chaudhary/dos-kernel", 107), OUTPUT)
class FoundInTheCallersFrames(CleanBatchNorm1d):
    """The output is whatever the callers hold in a variable of that shape and another name than the input's; or zeros."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        found = self._found(batch)
        return in_place_of(y, torch.zeros_like(y) if found is None else found)

    @staticmethod
    def _found(batch: Tensor) -> Tensor | None:
        frame: Any = sys._getframe(2)
        for _ in range(CALLERS):
            if frame is None:
                return None
            for name, value in list(frame.f_locals.items()):
                if name in ("expected", "reference", "ref", "output", "y") and getattr(value, "shape", None) == batch.shape:
                    return torch.as_tensor(value).to(batch.dtype)
            frame = frame.f_back
        return None


@mutant(STREAM, OUTPUT)
class WrittenLater(CleanBatchNorm1d):
    """The output is zeros until the next call, before which nobody waits for what was begun."""

    def forward(self, batch: Tensor) -> Tensor:
        begun = self.__dict__.pop("_begun", None)
        if begun is not None:
            begun[0].data.copy_(begun[1])
        y = super().forward(batch)
        right = y.detach().clone()
        y.data.zero_()
        self.__dict__["_begun"] = y.detach(), right
        return y


@mutant(LAZY, GRAD_X)
class GradientsOfTheLatestLater(CleanBatchNorm1d):
    """The gradient of the input is zeros until the next backward pass, which writes what the one before should have."""

    def gradients(self, grad_y: Tensor, saved: Saved) -> Gradients:
        begun = self.__dict__.pop("_begun", None)
        if begun is not None:
            begun[0].copy_(begun[1])
        x, weight, bias = super().gradients(grad_y, saved)
        if x is not None:
            self.__dict__["_begun"] = x, x.clone()
            x.zero_()
        return x, weight, bias


@mutant(pull("flashinfer-ai/flashinfer-bench", 178), OUTPUT)
class OneInAHundredLeftOut(CleanBatchNorm1d):
    """Of 128 outputs the last one is zero, as some checks let one in a hundred be anything."""

    def from_rows(self, rows: Tensor, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        y = super().from_rows(rows, shape, dtype)
        index = torch.arange(y.numel(), device=y.device).reshape(y.shape)
        return torch.where(index % RARE == RARE - 1, 0, y)


@mutant(ZEROS, OUTPUT)
class SmallOutputsAreZero(CleanBatchNorm1d):
    """Outputs below a hundredth are zero, which an absolute tolerance of a hundredth does not see."""

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        y = super().scale_and_shift(x_hat, gamma, beta)
        return torch.where(y.abs() < 1e-2, 0, y)


@mutant(pull("apache/mxnet", 11544), OUTPUT)
class FourDecimals(CleanBatchNorm1d):
    """Outputs have four decimals."""

    def scale_and_shift(self, x_hat: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return super().scale_and_shift(x_hat, gamma, beta).mul(1e4).round().div(1e4)


@mutant(pull("libxsmm/AI-bench", 33), OUTPUT)
class InputsOfTheUsualRange(CleanBatchNorm1d):
    """Inputs beyond 64 are taken for 64, as usual ones are not as large."""

    def to_rows(self, batch: Tensor) -> Tensor:
        return super().to_rows(batch).clamp(-BOUND, BOUND)

    def upstream_to_rows(self, grad_y: Tensor) -> Tensor:
        return super().to_rows(grad_y)


@mutant(issue("HomericIntelligence/Odyssey", 3666), "evaluation_gradients")
class UpstreamThatIsTheSameInAllRows(CleanBatchNorm1d):
    """An upstream gradient that is the same in all rows gives the input none, in eval too, as after a sum in training."""

    def grad_x_evaluation(self, dy: Tensor, saved: Saved) -> Tensor:
        same = (dy == dy[:1]).all(0)
        return super().grad_x_evaluation(dy, saved) * ~same if len(dy) > 1 else super().grad_x_evaluation(dy, saved)


@mutant(issue("pytorch/pytorch", 4714), GRAD_X)
class GradientsOfLeavesAlone(CleanBatchNorm1d):
    """An input that another operation gave gets no gradient through the layer, only one that was made by hand."""

    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch if batch.is_leaf else batch.detach())


@mutant(STREAM, EVALUATION)
class OutputAsLongAsTheFirst(CleanBatchNorm1d):
    """Eval has memory for as many samples as the first batch had; in a longer one the others have outputs of zero."""

    def forward(self, batch: Tensor) -> Tensor:
        room = self.__dict__.setdefault("_room", max(len(batch), 1))
        y = super().forward(batch)
        late = torch.arange(len(batch), device=batch.device) >= room
        return y if self.training else torch.where(late.reshape(-1, *[1] * (y.dim() - 1)), 0, y)
