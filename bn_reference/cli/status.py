"""What the exit status of a command says."""

CONFORMS, VIOLATES, UNUSABLE, SUITE_FAILED, INTERRUPTED = 0, 1, 2, 3, 130

# A reader who has closed the pipe (`| head`) has not seen what was found: neither 0 nor 1 may be said of it. This is what a
# shell reports of any program that SIGPIPE ends, 128 and the signal's number, and what pipelines are used to.
OUTPUT_CLOSED = 141
