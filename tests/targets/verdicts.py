"""How the layers of people are taken, and what is said of them: asked alike of modules and of plain classes."""

from typing import Any

from bn_reference import verify
from bn_reference.targets.forms.formed import FormedLayers
from bn_reference.targets.recognition import load_target

SINGLE = ["float32/float32"]
SELDOM = "what_happens_to_a_layer_leaves_its_numbers"  # has one of seven things happen, of which some cannot be asked of many


def formed(target: Any) -> FormedLayers:
    found = load_target(target)
    assert isinstance(found, FormedLayers)
    return found


def unasked_of(target: Any) -> set[str]:
    """Names of the rules that cannot be asked of a right one, which conforms by its own conventions."""
    report = verify(target, dtypes=SINGLE, examples=6, conventions="auto")
    assert report.conforms
    unasked = {result.property for result in report.results if result.status == "unsupported"}
    return unasked - {SELDOM} if SELDOM in unasked and can_be_asked_of(target, SELDOM) else unasked


def can_be_asked_of(target: Any, rule: str) -> bool:
    """Whether it can be in some of many cases, and is kept in all of those."""
    (result,) = verify(target, dtypes=SINGLE, properties=[rule], examples=60, conventions="auto").results
    assert result.status in ("passed", "unsupported")
    return result.status == "passed"


def explanations_of(target: Any, rule: str) -> list[str | None]:
    """What is said of a wrong one, a sentence a cause; the script of the first is seen to fail."""
    report = verify(target, dtypes=SINGLE, properties=[rule], examples=30)
    assert report.causes[0].reproducer_fails
    return [cause.violation.diagnosis for cause in report.causes]
