"""Adapters: how the suite talks to an implementation of batch normalization. Frameworks are imported here, and lazily."""
