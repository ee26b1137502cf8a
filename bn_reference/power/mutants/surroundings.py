"""Mutants that leave their surroundings otherwise, keep what is not theirs, or count on a single thread."""

from __future__ import annotations

import gc
import random
import warnings

import numpy as np
import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d, Statistics
from bn_reference.power.declaration import Family, issue, pull

__all__ = ["SURROUNDINGS"]

SURROUNDINGS = Family()
mutant = SURROUNDINGS.mutant

LEFT, THREADS, HOLDS = "a_step_leaves_its_surroundings", "threads_change_rounding_alone", "a_layer_holds_on_to_few_things"
SEED, LEAK = issue("HazyResearch/flash-fft-conv", 26), issue("pytorch/pytorch", 20275)
SHARED = pull("pytorch/pytorch", 13263)


@mutant(SEED, LEFT)
class PythonSeedSet(CleanBatchNorm1d):
    """A step sets the seed of Python's random numbers."""

    def forward(self, batch: Tensor) -> Tensor:
        random.seed(0)
        return super().forward(batch)


@mutant(SEED, LEFT)
class NumpySeedSet(CleanBatchNorm1d):
    """A training step sets the seed of NumPy's random numbers."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        np.random.seed(0)  # noqa: NPY002 -- that which everybody shares
        return super().batch_statistics(batch)


@mutant(SEED, LEFT)
class NumberDrawn(CleanBatchNorm1d):
    """An evaluation draws a random number that it does not use."""

    def forward(self, batch: Tensor) -> Tensor:
        if not self.training:
            torch.rand(())
        return super().forward(batch)


@mutant(SEED, LEFT)
class ThreadsSet(CleanBatchNorm1d):
    """A step sets the number of threads to three."""

    def forward(self, batch: Tensor) -> Tensor:
        torch.set_num_threads(3)
        return super().forward(batch)


@mutant(pull("isaac-sim/IsaacLab", 7266), LEFT)
class DeterministicEverAfter(CleanBatchNorm1d):
    """A training step has torch compute deterministically, in all that comes after it."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        torch.use_deterministic_algorithms(True)
        return super().batch_statistics(batch)


@mutant(pull("petergoldstein/dalli", 1053), LEFT)
class GarbageNotCollected(CleanBatchNorm1d):
    """An evaluation stops the garbage collector, so that its time is not taken, and leaves it at that."""

    def forward(self, batch: Tensor) -> Tensor:
        if not self.training:
            gc.disable()
        return super().forward(batch)


@mutant(issue("pymupdf/PyMuPDF", 331), LEFT)
class WarningsSilenced(CleanBatchNorm1d):
    """A step silences all warnings, and leaves it at that."""

    def forward(self, batch: Tensor) -> Tensor:
        warnings.simplefilter("ignore")
        return super().forward(batch)


@mutant(pull("charmplusplus/charm4py", 229), LEFT)
class MeanPrinted(CleanBatchNorm1d):
    """A training step prints the mean of its first channel."""

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        mu = super().batch_mean(rows, m)
        print("mean", float(mu[:1].sum()))  # noqa: T201 -- which is the fault
        return mu


@mutant(LEAK, HOLDS)
class InputsKept(CleanBatchNorm1d):
    """Every input is kept in a list."""

    def forward(self, batch: Tensor) -> Tensor:
        self.__dict__.setdefault("_inputs", []).append(batch.detach())
        return super().forward(batch)


ALL_OUTPUTS: dict[int, Tensor] = {}


@mutant(pull("d2l-ai/d2l-en", 1342), HOLDS)
class OutputsKeptElsewhere(CleanBatchNorm1d):
    """Every output is kept in a dictionary of the module that the layer is defined in."""

    def forward(self, batch: Tensor) -> Tensor:
        y = super().forward(batch)
        if len(ALL_OUTPUTS) > 100:  # of a mutant the memory is not to be filled
            ALL_OUTPUTS.clear()
        ALL_OUTPUTS[len(ALL_OUTPUTS)] = y
        return y


@mutant(issue("bayesiains/nflows", 10), HOLDS)
class HistoryOfMeans(CleanBatchNorm1d):
    """The mean of every training batch is added to a list."""

    def batch_mean(self, rows: Tensor, m: int) -> Tensor:
        mu = super().batch_mean(rows, m)
        self.__dict__.setdefault("_history", []).append(float(mu.sum()))
        return mu


@mutant(SHARED, THREADS)
class RestLostAmongThreads(CleanBatchNorm1d):
    """Each thread sums as many rows as the others, and what is left over nobody."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        rows, threads = self.to_rows(batch), torch.get_num_threads()
        rows = rows[: len(rows) // threads * threads]
        mu = self.batch_mean(rows, self.count(batch))
        return mu, self.batch_variance(rows, mu, self.count(batch))


@mutant(issue("uxlfoundation/oneDNN", 284), THREADS)
class RaceAmongThreads(CleanBatchNorm1d):
    """Where there are several threads their sums are added in the order in which they come."""

    def total(self, rows: Tensor) -> Tensor:
        if torch.get_num_threads() > 1:
            rows = rows[np.random.permutation(len(rows))]  # noqa: NPY002 -- that which everybody shares
        return super().total(rows)


@mutant(SHARED, THREADS)
class SumsOfThreadsOverwritten(CleanBatchNorm1d):
    """Two threads write their part of the gradient of the weight to the same place."""

    def total(self, rows: Tensor) -> Tensor:
        threads = torch.get_num_threads()
        return super().total(rows) if threads == 1 or len(rows) < threads else super().total(rows[: len(rows) // threads])
