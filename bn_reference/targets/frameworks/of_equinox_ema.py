"""equinox.nn.BatchNorm(mode="ema"), which it is by default."""

from __future__ import annotations

from typing import Any

from bn_reference.conventions import LIBRARIES
from bn_reference.targets.frameworks.of_equinox import Equinox


class EquinoxEma(Equinox):
    """The module that normalizes with its averages in training, too."""

    form = 'equinox.nn.BatchNorm(mode="ema")'
    conventions = LIBRARIES["equinox_ema"]
    mode = "ema"

    def index(self, layer: Any) -> Any:
        return layer.ema_state_index

    def seen_batches(self, layer: Any, state: Any, batches: Any) -> Any:
        return state.set(layer.ema_first_time_index, state.get(layer.ema_first_time_index) & (batches == 0))
