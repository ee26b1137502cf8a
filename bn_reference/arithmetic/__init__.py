"""The number types that flow through the specification, and the precision models that say where it rounds."""
