"""Correct layers of other conventions than torch's, and faults behind such a convention."""
