"""Known deviations that are a convention of nobody's: what a library keeps throughout, though it promises otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bn_reference.conventions import Conventions
from bn_reference.properties.deviation import version_of

__all__ = ["KEPT_OTHERWISE", "KeptOtherwise", "known_otherwise"]


@dataclass(frozen=True)
class KeptOtherwise:
    """Where libraries are known to keep another convention than the one they declare, which nobody would want.

    Attributes:
        convention, value: what is found.
        reason, link: what they do, in one sentence, and where it is discussed.
        libraries: as implementations name what they run through.
    """

    convention: str
    value: str
    reason: str
    link: str
    libraries: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """As reports say it."""
        return f"known deviation: {self.reason} ({self.link})"


KEPT_OTHERWISE = (
    KeptOtherwise(
        "empty_batch",
        "undefined",
        "a training batch of no rows leaves NaN in its running statistics",
        "https://github.com/pytorch/pytorch/issues/12013",
        ("mlx", "onnxruntime", "onnx.reference", "flax", "haiku", "keras", "keras on torch", "equinox", "tinygrad", "numpy-ml"),
    ),
    KeptOtherwise(
        "statistics",
        "input",
        "its running statistics have the type of X, and not that of input_mean",
        "https://github.com/onnx/onnx/pull/3415",
        ("onnx.reference",),
    ),
)


def known_otherwise(libraries: Iterable[str], demanded: Conventions, found: Conventions) -> tuple[KeptOtherwise, ...]:
    """Which of them explain what was found otherwise than it is demanded of what runs through these libraries."""
    there = [library for library in libraries if version_of(library) is not None]
    differing = demanded.differences(found)
    return tuple(
        known
        for known in KEPT_OTHERWISE
        if differing.get(known.convention) == known.value and any(library in known.libraries for library in there)
    )
