"""``[tool.bn-reference]`` is found, read, and refused where it cannot be used."""

from pathlib import Path

import pytest

from bn_reference.verification.project import Project, UnusableProject, project_of

WHOLE = """
[tool.bn-reference]
targets = ["src/bn.py:Layer", "my_pkg.layers:BN"]
device = "cpu"
dtypes = ["float32", "float16"]
examples = 30
seed = "random"
timeout = 5
convention = "onnx"
accepted = "bn-accepted.toml"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(folder: Path, text: str) -> Project:
    (folder / "pyproject.toml").write_text(text)
    return project_of(Path.cwd())


def test_everything_is_read(folder: Path) -> None:
    found = said(folder, WHOLE)

    assert (found.targets, found.accepted) == (("src/bn.py:Layer", "my_pkg.layers:BN"), "bn-accepted.toml")
    assert found.options == {
        "device": "cpu",
        "dtypes": ("float32", "float16"),
        "examples": 30,
        "seed": "random",
        "timeout": 5.0,
        "conventions": ("onnx",),
    }


def test_paths_are_seen_from_the_file_that_names_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "src").mkdir()
    (folder / "pyproject.toml").write_text(WHOLE)
    monkeypatch.chdir(folder / "src")
    found = project_of(Path.cwd())

    assert (found.targets, found.accepted) == (("bn.py:Layer", "my_pkg.layers:BN"), "../bn-accepted.toml")


def test_the_nearest_table_is_read_and_files_without_one_are_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = folder / "below" / "further"
    below.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.bn-reference]\nexamples = 7")
    (below.parent / "pyproject.toml").write_text("[tool.other]")
    monkeypatch.chdir(below)

    assert project_of(Path.cwd()).options == {"examples": 7}


def test_where_nothing_is_said_nothing_is(folder: Path) -> None:
    assert project_of(folder) == Project()


ALONE = "but may have targets, device, dtypes, examples, seed, timeout, convention, accepted alone; did you mean"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dtype = ['float32']", f" has the key 'dtype', {ALONE} dtypes?"),
        ("acepted = 'x'", f" has the key 'acepted', {ALONE} accepted?"),
        ("targets = 'a:B'", ": targets is 'a:B', but must be a list of names; pass ['a:B']"),
        ("targets = ['layers']", ": targets has 'layers' in it, but each must be module:attribute or path/to/"),
        ("examples = 'many'", ": examples is 'many', but must be a whole number between 1 and 10,000,000; "),
        ("dtypes = ['int8']", ": the dtype is 'int8'; choose an input dtype (float32, float64, float16, bfloat16) or a pair "),
        ("seed = 'any'", ": seed is 'any', but must be a whole number between 0 and 2^64 - 1; write 0, for example, or "),
        ("timeout = true", ": timeout is True, but must be a number of seconds between 0.001 and 1,000,000; "),
        ("device = 3", ": device is 3, but must be a string; write 'cpu' or 'cuda', for example"),
        ("accepted = 3", ": accepted is 3, but must be a string; write 'bn-accepted.toml', for example"),
    ],
)
def test_what_cannot_be_used_is_refused(folder: Path, text: str, sentence: str) -> None:
    with pytest.raises(UnusableProject) as refused:
        said(folder, f"[tool.bn-reference]\n{text}")

    assert str(refused.value).startswith(f"[tool.bn-reference] of pyproject.toml{sentence}")


def test_a_convention_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(UnusableProject, match=r"^\[tool.bn-reference\] of pyproject.toml: the convention is 'onxx', .*onnx\?$"):
        said(folder, "[tool.bn-reference]\nconvention = 'onxx'")


def test_a_file_that_is_no_toml_is_refused(folder: Path) -> None:
    with pytest.raises(UnusableProject, match=r"^pyproject.toml is no TOML \(.*\); mend that first$"):
        said(folder, "[tool.bn-reference")


def test_a_table_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(
        UnusableProject, match=r"of pyproject.toml is 3, but must be a table; write \[tool.bn-reference\] above"
    ):
        said(folder, "[tool]\nbn-reference = 3")
