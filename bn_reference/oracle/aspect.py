"""What about a quantity a comparison speaks of."""

from __future__ import annotations

from enum import Enum

__all__ = ["Aspect"]


class Aspect(Enum):
    """What about a quantity is compared; the value is how it is said, with the quantity in place of the braces."""

    VALUE = "{}"
    MEAN = "mean of {}"
    VARIANCE = "variance of {}"
    SUM = "sum of {}"
    SUM_WITH_X_HAT = "sum of {} * x_hat"
    SHIFTED = "{0}(x + b) - {0}(x)"
    SCALED = "{0}(2^k x) - {0}(x)"
    MIRRORED = "{} of the mirrored input"
    REPEATED = "{}, repeated"
    AGAIN = "{}, again"
    OF_TWO_STEPS = "{} of two steps, added up"
    OF_SOME_GRADIENTS = "{} where some ask for a gradient"
    OF_BOTH_STEPS = "{} of one backward pass through two steps"
    RECTIFIED = "{} after y was rectified in place"
    MAPPED = "{} of several batches at once"
    OF_ANOTHER_LAYER = "{} of another layer"
    OF_ONE_ROW = "{} of one row"
    OF_ONE_ROW_ALONE = "{} of one row alone"
    OF_ONE_VALUE = "{} of one value a channel"
    OF_NO_ROW = "{} of no row"
    AFTER_NO_ROW = "{} after an empty batch"
    AFTER_A_REFUSAL = "{} after a batch that was refused"
    IN_REVERSED_ORDER = "{} in reversed order"
    OF_FEWER_ROWS = "{} of fewer rows"
    AFTER_BACKWARD = "{} after backward"
    AS_HELD = "{} as held"
    AS_LOADED = "{} as loaded"
    AFTER_REUSE = "{} after what was loaded was written over"
    UNTRACKED = "{} while nothing is tracked"
    TRACKED_AGAIN = "{} once it is tracked again"
    AFTER_EVALUATION = "{} after eval"
    AFTER_WHAT_HAPPENED = "{} after what happened to the layer"
    AS_RESTORED = "{} of a layer that loaded what was saved"
    OF_OTHER_NUMBERS = "{} of an input of another dtype"
    OF_FOUR_DIMENSIONS = "{} of an input of four dimensions"
    WITH_THREADS = "{} with two threads"
    AS_CONSTRUCTED = "{} as constructed"
    BESIDE_ANOTHER_CHANNEL = "{} beside another channel that was changed"
    WITHOUT_TRACKING = "{} without tracking"
    LOOKED_AT_AGAIN = "{} of an earlier step, looked at again"
    BESIDE_A_COPY = "{} after a copy was trained"
    OF_THE_COPY = "{} of a copy after the layer was trained"
