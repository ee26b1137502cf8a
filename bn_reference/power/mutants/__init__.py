"""Wrong implementations, each with its story, and correct ones beside them: what measures the power of the suite."""
