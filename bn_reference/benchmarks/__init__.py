"""How fast an implementation is, as a fraction of what the machine can do: a leaf of the package."""
