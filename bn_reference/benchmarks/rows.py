"""A row of the benchmark: one implementation in one setting, as it is printed, stored and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bn_reference.arithmetic.precision import DTYPES
from bn_reference.benchmarks.operations import CACHES, OPERATIONS, Setting
from bn_reference.benchmarks.sampling import COPY, OPERATION, YARDSTICKS, Samples, Series
from bn_reference.cases.layouts import LAYOUTS

__all__ = ["Row", "row_from_json"]


@dataclass(frozen=True)
class Row:
    """What was measured.

    Attributes:
        target: the implementation's name.
        device: where it ran.
        setting: what it did.
        samples: seconds of the operation and of the yardsticks, in alternation.
        worst_ratio: of the timed output's errors to their bounds, at most 1.
        known_deviation: why the output is held to what the target is known to do instead; mostly "".
    """

    target: str
    device: str
    setting: Setting
    samples: Samples
    worst_ratio: float
    known_deviation: str = ""

    @property
    def fraction_of_copy(self) -> float:
        return self.samples.fraction(COPY)

    @property
    def gigabytes_per_second(self) -> float:
        return self.setting.bytes / self.samples.median_seconds / 1e9

    def to_json(self) -> dict[str, Any]:
        setting = self.setting
        return {
            "target": self.target,
            "operation": setting.operation,
            "shape": list(setting.shape),
            "dtype": setting.dtype,
            "layout": setting.layout,
            "threads": setting.threads,
            "cache": setting.cache,
            "device": self.device,
            "median_seconds": self.samples.median_seconds,
            "spread": self.samples.spread,
            "bytes": setting.bytes,
            "gigabytes_per_second": self.gigabytes_per_second,
            "fraction_of_copy": self.fraction_of_copy,
            "worst_ratio": self.worst_ratio,
            "known_deviation": self.known_deviation,
            "series": [{name: [*seconds] for name, seconds in series.seconds.items()} for series in self.samples.series],
        }


def row_from_json(content: Any) -> Row:
    """The row that ``to_json`` wrote.

    Raises:
        ValueError: it is none; the sentence says what is wrong.
    """
    try:
        shape = tuple(content["shape"])
        setting = Setting(
            content["operation"], shape, content["dtype"], content["layout"], content["threads"], content["cache"]
        )
        series = [
            Series({name: tuple(map(float, one[name])) for name in (OPERATION, *YARDSTICKS)}) for one in content["series"]
        ]
        ratio, known_as = float(content["worst_ratio"]), str(content["known_deviation"])
        row = Row(str(content["target"]), str(content["device"]), setting, Samples(tuple(series)), ratio, known_as)
    except KeyError as missing:
        raise ValueError(f"a row has no {missing}") from None
    except (TypeError, ValueError, AttributeError):
        raise ValueError("a row has a value of another kind than bench writes") from None
    known = (
        setting.operation in OPERATIONS and setting.dtype in DTYPES and setting.layout in LAYOUTS and setting.cache in CACHES
    )
    sized = len(shape) in (2, 3) and all(isinstance(length, int) and length > 0 for length in (*shape, setting.threads))
    timed = all(_is_timed([*one.seconds.values()]) for one in series)
    if not (known and sized and timed and series):
        raise ValueError("a row has a setting or samples that bench does not write")
    return row


def _is_timed(seconds: list[tuple[float, ...]]) -> bool:
    return (
        len({len(turns) for turns in seconds}) == 1
        and len(seconds[0]) > 1
        and all(turn > 0 for turns in seconds for turn in turns)
    )
