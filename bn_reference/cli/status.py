"""What the exit status of a command says."""

CONFORMS, VIOLATES, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
