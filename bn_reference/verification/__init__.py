"""From a target and a budget to a verdict."""
