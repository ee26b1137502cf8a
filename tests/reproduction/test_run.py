"""A script is tried in a process of its own."""

import pytest

from bn_reference.cases.facts import Kind
from bn_reference.reproduction.run import fails


@pytest.mark.parametrize(
    ("code", "kind", "expected"),
    [
        ("", None, False),
        ("assert False", None, True),
        ("assert False, 'a\\nb'", None, True),
        ("import nowhere_to_be_found", None, None),
        ("undefined", None, None),
        ("raise SystemExit(1)", None, None),
        ("raise SystemExit(0)", None, None),
        ("import os; os.abort()", None, None),
        ("import os; os.abort()", Kind.CRASHED, True),
        ("while True: pass", None, None),
        ("while True: pass", Kind.HUNG, True),
        ("print(input())", None, None),
    ],
)
def test_a_script_is_tried_in_a_process_of_its_own(code: str, kind: Kind | None, expected: bool | None) -> None:
    assert fails(code, 1.0 if "while" in code else 30.0, kind) is expected
