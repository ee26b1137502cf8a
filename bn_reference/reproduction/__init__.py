"""From what was asked of a target to a standalone script."""
