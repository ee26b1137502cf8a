"""What the site has beside the files of this folder: pages of README and its like, and parts of pages made of the registries.

MkDocs calls ``on_files`` and ``on_page_markdown`` when it builds. A line ``--8<-- "rules"`` of a page stands for a part of that
name; those that name files are for its snippets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from bn_reference.conventions import VALUES, keepers
from bn_reference.power.controls import CONTROLS
from bn_reference.power.mutants.catalogue import MUTANTS
from bn_reference.properties import ALL, FAMILIES

ROOT = Path(__file__).parent.parent
COPIES = {"index.md": "README.md", "changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that stand outside this folder, with their links as they are from inside."""
    from mkdocs.structure.files import File

    for name, source in COPIES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text.replace("](docs/", "](").replace("[docs/", "[")))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the parts that are made in their places."""
    return re.sub(r'^--8<-- "(\w+)"$', lambda found: "\n".join(PARTS[found[1]]()), markdown, flags=re.MULTILINE)


def rules() -> Iterator[str]:
    """Each rule with its formula and source."""
    for family in dict.fromkeys(rule.family for rule in ALL):
        aside = "" if family in FAMILIES else " (asked for by `--property` alone)"
        yield f"\n## {family.capitalize()}{aside}\n"
        for rule in (rule for rule in ALL if rule.family == family):
            follows = f" Follows from {', '.join(f'`{name}`' for name in rule.implied_by)}." if rule.implied_by else ""
            yield f"`{rule.name}`\n:   {_text(rule.formula)} *{_text(rule.source)}.*{follows}\n"


def mutants() -> Iterator[str]:
    """Each fault with its report, and each control."""
    for kind, faults in groupby(MUTANTS, key=lambda fault: fault.factory.__module__.rpartition(".")[2]):
        yield f"\n## {kind.replace('_', ' ').capitalize()}\n\n| fault | seen by one of |\n|---|---|"
        for fault in faults:
            rules = ", ".join(f"`{name}`" for name in fault.claimed_by)
            yield f"| [`{fault.name}`]({fault.source}): {_cell(fault.story)} | {rules} |"
    yield "\n## Controls\n\n| control | what it does otherwise |\n|---|---|"
    yield from (f"| `{control.name}` | {_cell(control.story)} |" for control in CONTROLS)


def conventions() -> Iterator[str]:
    """Each convention with its values, torch's first, and the libraries that keep them."""
    yield "| convention | in words | kept by |\n|---|---|---|"
    for name, values in VALUES.items():
        for value, words in values.items():
            yield f"| `{name}=`<br>`{value}` | {words} | {', '.join(keepers(name, value))} |"


def schema() -> Iterator[str]:
    """The fields of a report, of a result and of a cause."""
    whole = json.loads((ROOT / "bn_reference/reports/schema2.json").read_text(encoding="utf-8"))
    parts = {"The report": whole} | {f"A {name}": part for name, part in whole["$defs"].items() if "properties" in part}
    for title, part in parts.items():
        yield f"\n## {title}\n\n| field | type | |\n|---|---|---|"
        for name, field in part["properties"].items():
            yield f"| `{name}` | {_type(field)} | {_cell(field.get('description', ''))} |"


def _type(field: dict[str, Any]) -> str:
    """Its type in a word or two."""
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2].replace("_", " ")
    if "anyOf" in field:
        return " or ".join(_type(each) for each in field["anyOf"])
    if "const" in field or "enum" in field:
        return ", ".join(f"`{json.dumps(value)}`" for value in field.get("enum", [field.get("const")]))
    kind = field.get("type", "any")
    return f"{kind} of {_type(field['items'])}" if kind == "array" and "items" in field else str(kind)


def _text(words: str) -> str:
    """Words in which nothing is Markdown."""
    return re.sub(r"([*_<>\[\]|`\\])", r"\\\1", words)


def _cell(words: str) -> str:
    return _text(" ".join(words.split()))


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "rules": rules,
    "mutants": mutants,
    "conventions": conventions,
    "json": schema,
}
