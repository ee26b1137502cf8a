"""What an audit found, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Audit", "Seen"]

SCHEMA = 1


@dataclass(frozen=True)
class Seen:
    """What the tests made of one layer.

    Attributes:
        name, kind, story, correct: of the layer.
        noticed: whether the command failed.
        late: whether that was because it did not come to an end in time.
        seconds: that it took.
    """

    name: str
    kind: str
    story: str
    correct: bool
    noticed: bool
    late: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class Audit:
    """What the tests made of all layers.

    Attributes:
        command: that runs them.
        passes_true_layer: whether they pass with a correct layer in the place of the one that they test; without that nothing
            can be measured.
        seen: of each layer, in the order of the catalogue.
    """

    command: tuple[str, ...]
    passes_true_layer: bool
    seen: tuple[Seen, ...] = ()

    @property
    def mutants(self) -> list[Seen]:
        """Wrong layers."""
        return [each for each in self.seen if not each.correct]

    @property
    def controls(self) -> list[Seen]:
        """Correct ones."""
        return [each for each in self.seen if each.correct]

    @property
    def missed(self) -> list[Seen]:
        """Wrong layers with which the tests pass."""
        return [each for each in self.mutants if not each.noticed]

    @property
    def rejected(self) -> list[Seen]:
        """Correct layers with which they fail."""
        return [each for each in self.controls if each.noticed]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, of schema 1."""
        return {
            "schema": SCHEMA,
            "command": list(self.command),
            "passes_true_layer": self.passes_true_layer,
            "killed": len(self.mutants) - len(self.missed),
            "of": len(self.mutants),
            "rejected": len(self.rejected),
            "of_controls": len(self.controls),
            "mutants": [{"name": each.name, "kind": each.kind, "killed": each.noticed} for each in self.mutants],
            "controls": [{"name": each.name, "kind": each.kind, "rejected": each.noticed} for each in self.controls],
        }

    def markdown(self) -> Iterator[str]:
        """The lines of a page: how much is seen of each kind, what is not, and what is rejected."""
        yield f"# What `{' '.join(self.command)}` sees"
        yield ""
        yield f"- of {len(self.mutants)} wrong batch norms {len(self.mutants) - len(self.missed)} are noticed"
        yield f"- of {len(self.controls)} correct ones {len(self.rejected)} are rejected"
        yield ""
        yield "| kind of fault | noticed | of |"
        yield "|---|---|---|"
        for kind in dict.fromkeys(each.kind for each in self.mutants):
            of_kind = [each for each in self.mutants if each.kind == kind]
            yield f"| {kind} | {sum(each.noticed for each in of_kind)} | {len(of_kind)} |"
        for title, layers in (("Faults that pass", self.missed), ("Correct layers that fail", self.rejected)):
            if layers:
                yield ""
                yield f"## {title}"
                yield ""
                yield from (f"- `{each.name}` ({each.kind}): {each.story}" for each in layers)
