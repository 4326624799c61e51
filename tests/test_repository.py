"""Files that hosts and tools read are valid: workflows, templates, the container, the documentation site."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tallyport

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml"))


def check(tool: str, *arguments: str | Path) -> None:
    """Run a tool of the environment; what it complains about is the failure."""
    command = [str(Path(sys.executable).parent / tool), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.dependabot", [ROOT / ".github/dependabot.yml"]),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [ROOT / ".github/ISSUE_TEMPLATE/config.yml"]),
    ],
)
def test_files_of_the_code_host_fit_their_schemas(schema: str, files: list[Path]) -> None:
    check("check-jsonschema", "--builtin-schema", schema, *files)


def test_workflows_are_safe_and_their_actions_are_pinned() -> None:
    check("zizmor", "--offline", "--no-progress", "--quiet", "--persona=pedantic", ".")


@pytest.mark.skipif(sys.platform != "linux", reason="hadolint is installed on Linux only")
def test_container_follows_good_practice() -> None:
    check("hadolint", "Containerfile")


def test_commands_of_workflows_and_hooks_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for path in [*WORKFLOWS, ROOT / ".pre-commit-config.yaml"]:
        for target in re.findall(r"(?:run: |entry: )make (?:--silent )?(\w+)", path.read_text(encoding="utf-8")):
            assert target in targets, f"{path.name} runs make {target}"


def test_versions_of_python_that_are_stated_are_those_that_are_checked() -> None:
    stated = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r"Python :: 3\.", name)]
    matrices = re.findall(r"python: (\[.*\])", (ROOT / ".github/workflows/check.yml").read_text(encoding="utf-8"))
    assert len(matrices) == 2
    assert all(re.findall(r"3\.\d+", matrix) == stated for matrix in matrices)
    assert PROJECT["requires-python"] == f">={stated[0]}"


def test_site_builds_without_a_warning(tmp_path: Path) -> None:
    check("mkdocs", "build", "--quiet", "--strict", "--site-dir", tmp_path / "site")
    pages = {path.stem for path in (ROOT / "docs").rglob("*.md")} - {"README"}
    assert pages <= {path.parent.name for path in (tmp_path / "site").rglob("index.html")}
    written = (tmp_path / "site/reference/index.html").read_text(encoding="utf-8")
    assert 'id="tallyport.convert"' in written
    for path in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', path.read_text(encoding="utf-8"))
        assert all(address.startswith("https://tallyport.github.io/") for address in loaded), loaded


def test_reference_has_all_that_is_public() -> None:
    reference = re.findall(r"^::: tallyport\.(\w+)$", (ROOT / "docs/reference.md").read_text(encoding="utf-8"), re.M)
    assert sorted(reference) == sorted(set(tallyport.__all__) - {"__version__"})
