"""Which package is tested, what importing it loads, and where old names lead. Which way imports run, import-linter says."""

import ast
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]

INSTALLED = Path(sysconfig.get_path("purelib")) if os.environ.get("BN_REFERENCE_INSTALLED") else ROOT  # tox installs a wheel
MAY_NAME_TORCH = ("targets.forms", "targets.frameworks", "targets.recorder", "targets.met", "power", "mnist", "benchmarks")


def test_the_package_that_is_tested_is_the_one_that_is_installed() -> None:
    import bn_reference
    from bn_reference.plugin import pytest_plugin

    code = "import bn_reference; print(bn_reference.__file__)"
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    packages = [
        Path(bn_reference.__file__).parent,
        Path(elsewhere.stdout.strip()).parent,
        Path(pytest_plugin.__file__).parents[1],
    ]

    assert {path.resolve() for path in packages} == {(INSTALLED / "bn_reference").resolve()}


def modules(root: Path) -> Iterator[tuple[str, ast.Module]]:
    """Name within the package, and code, of every module."""
    for path in sorted((root / "bn_reference").rglob("*.py")):
        name = ".".join(path.relative_to(root / "bn_reference").with_suffix("").parts)
        yield name.removesuffix("__init__").rstrip("."), ast.parse(path.read_text(encoding="utf-8"))


def imported(code: ast.AST) -> Iterator[str]:
    """The full names that code imports anywhere, but not those that only a type checker sees."""
    for node in ast.iter_child_nodes(code):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from imported(node)


def torch_imports(root: Path) -> list[str]:
    return [
        f"{name} imports {target}"
        for name, code in modules(root)
        for target in imported(code)
        if target.split(".")[0] == "torch" and not any(f"{name}.".startswith(f"{allowed}.") for allowed in MAY_NAME_TORCH)
    ]


def test_torch_is_named_in_few_places() -> None:
    assert torch_imports(ROOT) == []


def test_torch_in_the_wrong_place_is_found(tmp_path: Path) -> None:
    (tmp_path / "bn_reference").mkdir()
    (tmp_path / "bn_reference" / "oracle.py").write_text("def f():\n    import torch.nn")

    assert torch_imports(tmp_path) == ["oracle imports torch.nn"]


def loaded_by(statement: str) -> set[str]:
    """Names of the packages that a statement loads in a fresh interpreter."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return {name.split(".")[0] for name in run.stdout.split()}


@pytest.mark.parametrize(
    "module", ["bn_reference", "bn_reference.verification.api", "bn_reference.cli", "bn_reference.plugin.pytest_plugin"]
)
def test_a_light_import_stays_light(module: str) -> None:
    heavy = {"torch", "hypothesis", "rich", "mpmath", "matplotlib"}
    heavy |= set() if module.endswith("plugin") else {"pytest", "_pytest"}
    heavy |= {"numpy"} if module in ("bn_reference", "bn_reference.plugin.pytest_plugin") else set()

    assert loaded_by(f"import {module}") & heavy == set()


def test_a_recording_is_read_without_hypothesis(tmp_path: Path) -> None:
    np.savez(tmp_path / "empty.npz")
    read = f"""
from bn_reference.cases.recording import UnusableRecording, read_recording
try:
    read_recording({str(tmp_path / "empty.npz")!r})
except UnusableRecording:
    pass
"""

    assert loaded_by(read) & {"hypothesis", "torch"} == set()


def test_a_heavy_import_is_found() -> None:
    assert {"torch", "hypothesis"} <= loaded_by(
        "import bn_reference.verification.judge, bn_reference.targets.forms.torch_module"
    )


@pytest.mark.parametrize(
    ("old", "name", "new"),
    [
        ("bn_reference.implementations.protocol", "Implementation", "bn_reference.targets.protocol"),
        ("bn_reference.implementations.torch_module", "TorchImplementation", "bn_reference.targets.forms.torch_module"),
        ("bn_reference.layouts", "place", "bn_reference.cases.layouts"),
    ],
)
def test_an_old_name_leads_to_the_new_place_with_a_warning(old: str, name: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"^{old} has moved to {new}, and goes with the next release$"):
        thing = getattr(import_module(old), name)

    assert thing is getattr(import_module(new), name)


def test_what_the_package_offers() -> None:
    import bn_reference

    offered = {"BatchNorm1d", "Conventions", "Functional", "Report", "Unsupported", "UnusableTarget", "parametrize_with_rules"}
    assert set(bn_reference.__all__) == {*offered, "__version__", "record", "verify"}
    assert all(getattr(bn_reference, name) is not None for name in bn_reference.__all__)
    with pytest.raises(AttributeError, match=r"^module 'bn_reference' has no attribute 'no_such_thing'$"):
        _ = bn_reference.no_such_thing


def test_the_version_is_written_down_once() -> None:
    import bn_reference

    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]\n' in project
    assert '[tool.hatch.version]\npath = "bn_reference/__init__.py"\n' in project
    assert bn_reference.__version__ not in project
