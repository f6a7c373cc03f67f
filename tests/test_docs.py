"""What the documentation shows is run as it stands."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import theanets
from theanets.optimizers import ALGORITHMS
from theanets.utils.registry import is_ours

ROOT = Path(__file__).parent.parent


def test_the_guide_runs():
    result = doctest.testfile(
        str(ROOT / "docs" / "guide.md"),
        module_relative=False,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert result.attempted > 20
    assert result.failed == 0


EXTENDING = ROOT / "docs" / "extending.md"
FILES = dict(
    re.findall(r"```python\n# (\w+)\.py\n(.*?)```", EXTENDING.read_text(), re.DOTALL)
)
"""The text of each file that is shown, by the name of its module."""


@pytest.fixture
def extensions(tmp_path, monkeypatch):
    """The folder of those files, which can be imported."""
    for name, text in FILES.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in FILES:
        sys.modules.pop(name, None)


def test_the_extensions_run(extensions):
    assert len(FILES) == 7
    assert max(len(text.splitlines()) for text in FILES.values()) < 70
    result = doctest.testfile(
        str(EXTENDING),
        module_relative=False,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert result.attempted > 20
    assert result.failed == 0


def test_the_contract_tests_check_the_extensions(extensions):
    plugins = [x for name in FILES for x in ("-p", name)]
    command = [sys.executable, "-m", "pytest", "tests/contract", "-q", *plugins]
    command += ["-k", " or ".join(FILES), "-p", "no:cacheprovider"]
    path = os.pathsep.join([str(extensions), *sys.path])
    run = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "passed" in run.stdout


def test_the_ten_lines_of_the_readme_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[0]
    short = code.replace("momentum=0.9)", "momentum=0.9, max_epochs=1, progress=False)")
    assert short != code
    scope = {}
    exec(short, scope)
    images, labels = scope["test"]
    assert theanets.load("digits.safetensors").score(images, labels) > 0.85


DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_other_files_lead_there(document):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_the_tests_that_hold_what_is_promised_are_there():
    promised = (ROOT / "docs" / "reproducibility.md").read_text()
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    names = re.findall(r"`(test_\w+)`", promised)
    assert len(names) > 4
    for name in names:
        assert f"def {name}(" in tests
    for name in re.findall(r"`(test_\w+\.py)`", promised):
        assert list((ROOT / "tests").rglob(name))


@pytest.mark.parametrize("name", [x for x in ALGORITHMS if is_ours(ALGORITHMS[x])])
def test_the_table_of_algorithms_is_true(name):
    guide = (ROOT / "docs" / "guide.md").read_text()
    row = next(line for line in guide.splitlines() if line.startswith(f"| `{name}` |"))
    algorithm = ALGORITHMS[name]
    for keyword, value in algorithm.defaults().items():
        assert re.search(rf"`{keyword}` {value:g}\b".replace("1e-08", "1e-8"), row)
    if name not in ("adadelta", "lbfgs"):
        assert f"| {algorithm.learning_rate:g}" in row
    assert ("all data in one batch" in row) == algorithm.full_batch
