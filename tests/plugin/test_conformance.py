"""torch's own layer keeps every rule."""

from collections.abc import Callable

from bn_reference import parametrize_with_rules
from bn_reference.targets import TORCH


@parametrize_with_rules(TORCH)
def test_torchs_own_layer_keeps(rule: Callable[[], None]) -> None:
    rule()
