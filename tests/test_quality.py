"""ruff and mypy over everything, with the settings of pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """A tool of the same environment, in the root of the checkout."""
    return subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False)


def test_ruff_finds_nothing() -> None:
    said = run("ruff", "check", "--no-cache")
    assert said.returncode == 0, said.stdout


def test_everything_is_formatted() -> None:
    said = run("ruff", "format", "--check", "--no-cache")
    assert said.returncode == 0, said.stdout


@pytest.mark.timeout(600)
def test_types_are_strict_and_right() -> None:
    said = run("mypy", "--strict")
    assert said.returncode == 0, said.stdout


def test_the_tools_find_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import os\ndef f(a): return a\n")
    assert run("ruff", "check", "--no-cache", str(wrong)).returncode == 1
    assert run("ruff", "format", "--check", "--no-cache", str(wrong)).returncode == 1
    assert run("mypy", "--strict", "--config-file", "/dev/null", str(wrong)).returncode == 1
