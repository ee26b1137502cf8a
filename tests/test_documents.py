"""What the documents show runs as it is written there: Python, commands, configuration; and the examples conform as is said."""

import re
import shlex
import sys
from pathlib import Path

import click
import pytest

from bn_reference import verify
from bn_reference.cli import commands as program
from bn_reference.support.toml import read_toml
from bn_reference.verification.accepted import KEYS
from bn_reference.verification.project import project_of

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "docs/own.md", "docs/verdict.md", "docs/conventions.md", "docs/gate.md", "docs/json.md")
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = {  # and the conventions that they are held to
    "module/norm.py:ChannelNorm": None,
    "homework/layers.py:batchnorm_forward": "auto",
    "kernel_model/model.py:ModelNew": None,
    "functional/norm.py:batch_norm": "auto",
}


def blocks(language: str) -> dict[str, str]:
    """The blocks of a language, by the page and the number of the line that they stand behind."""
    found = {}
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            if block[1] == language:
                found[f"{page}:{text[: block.start()].count(chr(10)) + 1}"] = block[3]
    return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the package that the documents speak of."""
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "layers.py").write_text("from torch.nn import BatchNorm1d as MyBatchNorm1d\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("my_package", "my_package.layers"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.mark.parametrize("code", blocks("python").values(), ids=blocks("python"))
@pytest.mark.usefixtures("project")
def test_python_runs(code: str) -> None:
    exec(compile(code.replace("examples=500", "examples=1"), "document", "exec"), {"__name__": "document"})


@pytest.mark.parametrize("commands", blocks("sh").values(), ids=blocks("sh"))
def test_commands_are_understood(commands: str) -> None:
    for line in commands.splitlines():
        words = [word for word in shlex.split(line, comments=True) if "=" not in word or word.startswith("-")]
        if "bn-reference" in words:
            name, *given = words[words.index("bn-reference") + 1 :]
            command = program.commands[name]
            with command.make_context(name, given, parent=click.Context(program)) as context:
                assert context.params


@pytest.mark.parametrize("text", blocks("toml").values(), ids=blocks("toml"))
def test_configuration_is_understood(text: str, project: Path, pytestconfig: pytest.Config) -> None:
    (project / "pyproject.toml").write_text(text)
    table = read_toml(project / "pyproject.toml")

    assert "accepted" in table or table["tool"]
    for name in table.get("tool", {}).get("pytest", {}).get("ini_options", {}):
        assert pytestconfig.getini(name) is not None or name.startswith("bn_")
    if "bn-reference" in table.get("tool", {}):
        assert project_of(project).targets
    for entry in table.get("accepted", []):
        assert set(entry) <= set(KEYS)


@pytest.mark.parametrize(("target", "conventions"), EXAMPLES.items())
def test_an_example_conforms(target: str, conventions: str | None) -> None:
    report = verify(str(ROOT / "examples" / target), dtypes=["float32"], examples=2, conventions=conventions)

    assert report.conforms, str(report)
    assert target.partition(":")[0] in (ROOT / "docs" / "own.md").read_text(encoding="utf-8")
