"""Conventions as a target keeps them, measured."""
