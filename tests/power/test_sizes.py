"""Size, fairly: no control is flagged on a large case, and none of the mutants that only size shows survives them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.conventions import TORCH
from bn_reference.power.clean import CleanBatchNorm1d, Statistics
from bn_reference.power.controls import CONTROLS, Control
from bn_reference.power.declaration import Mutant
from bn_reference.power.mutants.sizes import SIZES
from bn_reference.properties import PROPERTIES
from bn_reference.reports.sentences import say
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.watched import Watched
from bn_reference.verification.attempts import Attempts
from bn_reference.verification.large import Large
from bn_reference.verification.selection import Budget
from bn_reference.verification.tally import Tally

TIMEOUT = 60.0  # so that a busy machine leaves nothing out


def broken(layer: Control | Mutant, pair: Pair, seed: int = 0) -> dict[str, str]:
    """What the large cases of a pair of dtypes show of a layer."""
    watched = Watched(TorchImplementation(layer.factory, layer.name))
    tallies = [Tally(property, examples=1) for property in PROPERTIES if property.direct]
    with np.errstate(all="ignore"):
        large = Large(Attempts(watched, TORCH, TIMEOUT), watched, Budget(seed=seed, timeout=TIMEOUT))
        large.try_on(tallies, pair, fail_fast=False)
    return {tally.property.name: say(tally.failure) for tally in tallies if tally.failure is not None}


@pytest.mark.parametrize("layer", SIZES.mutants, ids=lambda layer: layer.name)
def test_large_cases_kill_what_only_size_shows(layer: Mutant) -> None:
    assert set(broken(layer, PAIRS[0], seed=1)) & set(layer.claimed_by)


class LosesSomeRow(CleanBatchNorm1d):
    """Row 12,345 of more than 2^15 is lost, which is none of those that one-row channels have."""

    def batch_statistics(self, batch: Tensor) -> Statistics:
        rows, m = self.to_rows(batch), self.count(batch)
        if m > 2**15:
            rows = torch.cat([rows[:12345], rows[12346:]])
        mu = self.batch_mean(rows, m)
        return mu, self.batch_variance(rows, mu, m)


def test_any_row_of_sixty_thousand_is_missed_in_double_precision() -> None:
    layer = Control("loses_some_row", "", LosesSomeRow)

    assert "output_is_the_normalized_batch" in broken(layer, Pair("float64", "float64"))
    assert broken(layer, Pair("float32", "float32")) == {}


@pytest.mark.parametrize("number", range(0, len(CONTROLS), 2), ids=lambda number: CONTROLS[number].name)  # all nightly
def test_a_control_is_not_flagged_on_large_cases(number: int) -> None:
    assert broken(CONTROLS[number], PAIRS[number // 2 % len(PAIRS)], seed=number) == {}


@pytest.mark.nightly
@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_a_control_is_not_flagged_on_large_cases_in_any_pair(control: Control, pair: Pair) -> None:
    assert {seed: broken(control, pair, seed) for seed in range(4)} == {seed: {} for seed in range(4)}
