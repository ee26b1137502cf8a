"""How the layers of people are taken, and what is said of them: asked alike of modules and of plain classes."""

from typing import Any

from bn_reference import verify
from bn_reference.targets.forms.formed import FormedLayers
from bn_reference.targets.recognition import load_target

SINGLE = ["float32/float32"]


def formed(target: Any) -> FormedLayers:
    found = load_target(target)
    assert isinstance(found, FormedLayers)
    return found


def unasked_of(target: Any) -> set[str]:
    """Names of the rules that cannot be asked of a right one, which conforms by its own conventions."""
    report = verify(target, dtypes=SINGLE, examples=6, conventions="auto")
    assert report.conforms
    return {result.property for result in report.results if result.status == "unsupported"}


def explanations_of(target: Any, rule: str) -> list[str | None]:
    """What is said of a wrong one, a sentence a cause; the script of the first is seen to fail."""
    report = verify(target, dtypes=SINGLE, properties=[rule], examples=30)
    assert report.causes[0].reproducer_fails
    return [cause.violation.diagnosis for cause in report.causes]
