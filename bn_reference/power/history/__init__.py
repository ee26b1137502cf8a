"""Public reports of faults, each beside the mutant that has its form: the suite on what went wrong elsewhere."""
