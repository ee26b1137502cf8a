"""The form of NumPy layers: what a layer lacks is not forced upon it."""

from typing import Any

from bn_reference import BatchNorm1d
from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.facts import Kind
from bn_reference.properties import PROPERTIES
from bn_reference.targets.forms.numpy_layer import NumpyImplementation
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

LOADED = next(property for property in PROPERTIES if property.name == "nothing_is_stale_after_loading_a_state")


class SavesNoCounter(BatchNorm1d):
    def state_dict(self) -> dict[str, Any]:
        return {name: value for name, value in super().state_dict().items() if name != "num_batches_tracked"}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # type: ignore[override]
        assert "num_batches_tracked" not in state
        super().load_state_dict({**state, "num_batches_tracked": super().state_dict()["num_batches_tracked"]})


def test_a_state_is_loaded_with_the_entries_that_the_layer_saves() -> None:
    result = Judge(NumpyImplementation(SavesNoCounter, "saves no counter"), Budget(3)).check(LOADED, PAIRS[0])

    assert result.violation is not None
    assert result.violation.found.fact is not None
    assert result.violation.found.fact.kind is Kind.COUNT  # the counter that was not saved, and no exception of the layer's
