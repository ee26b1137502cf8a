"""A baseline: an earlier run of the benchmark, as a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from bn_reference.benchmarks.rows import Row, row_from_json

__all__ = ["SCHEMA", "Baseline", "UnusableBaseline", "is_target", "read_baseline"]

SCHEMA = 1


class UnusableBaseline(Exception):
    """The file cannot serve as a baseline; one sentence says why and what to do."""


@dataclass(frozen=True)
class Baseline:
    """Rows of an earlier run, and what they were measured on."""

    rows: tuple[Row, ...]
    environment: dict[str, str]

    def against(self, targets: tuple[str, ...]) -> list[tuple[str, Row]]:
        """What to measure: (target, row to compare it with).

        Without targets, each row's own. A target that the baseline has meets its own rows; where the baseline is of one
        implementation, any other is compared with that.

        Raises:
            UnusableBaseline: a target is not in it, and there are several others.
        """
        known = tuple(dict.fromkeys(row.target for row in self.rows))
        pairs = []
        for target in targets or known:
            if target not in known and len(known) > 1:
                rule = f"the baseline has rows of {', '.join(known)}; name one of those, or give a baseline of one target"
                raise UnusableBaseline(f"the target is {target}, but {rule}")
            pairs += [(target, row) for row in self.rows if target not in known or row.target == target]
        return pairs


def is_target(name: str) -> bool:
    """Whether it names an implementation, ``module:attribute`` or ``path/to/file.py:attribute``, and no file."""
    return ":" in name.strip(":") and not Path(name).exists()


def read_baseline(name: str) -> Baseline:
    """Read what ``bench --json`` wrote.

    Raises:
        UnusableBaseline: it cannot be read, or is something else.
    """
    path, advice = Path(name), "write one with bn-reference bench --json FILE"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableBaseline(f"--compare is {path}, which cannot be read ({error.strerror}); {advice}") from None
    except ValueError:
        raise UnusableBaseline(f"--compare is {path}, which is no JSON; {advice}") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA or not isinstance(content.get("rows"), list):
        raise UnusableBaseline(f"--compare is {path}, which is no baseline of schema {SCHEMA}; {advice}")
    try:
        rows = tuple(row_from_json(row) for row in content["rows"])
    except ValueError as wrong:
        raise UnusableBaseline(f"--compare is {path}, in which {wrong}; {advice}") from None
    if not rows:
        raise UnusableBaseline(f"--compare is {path}, which has no rows; {advice}")
    found = content.get("environment")
    return Baseline(rows, {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {})
