"""torch's own layer keeps every property: the plugin's conformance tests, those of the package that is installed."""

from bn_reference.plugin.conformance import bn_verdicts, test_target_keeps

__all__ = ["bn_verdicts", "test_target_keeps"]
