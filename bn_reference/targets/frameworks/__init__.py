"""Batch norms of other frameworks, one file each, which is loaded when its target is named."""
