"""A1111's `modules.launch_utils`: what its start does, as far as extensions' install scripts ask for it."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import paths

python = sys.executable
dir_repos = "repositories"
default_command_live = False
re_requirement = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[.*?\])?\s*(?:(?P<test>==|>=|<=|~=|!=|<|>)\s*(?P<version>[\w.]+))?"
)


def __getattr__(name: str) -> Any:
    """Everything else is `launch`'s."""
    try:
        return getattr(importlib.import_module("launch"), name)
    except AttributeError:
        raise AttributeError(f"modules.launch_utils has no {name}") from None


def check_run(command: str) -> bool:
    """Whether a command of the shell succeeds."""
    return subprocess.run(command, shell=True, capture_output=True, check=False).returncode == 0  # noqa: S602


def check_python_version() -> None:
    """It was checked."""


def prepare_environment() -> None:
    """It is prepared."""


def repo_dir(name: str) -> str:
    """Where A1111 would check out a repository."""
    return str(Path(paths.script_path, dir_repos, name))


def list_extensions(settings_file: str) -> list[str]:
    """Names of the extensions that run."""
    from .extensions import active

    return [each.name for each in active()]


def requirements_met(requirements_file: str) -> bool:
    """Whether the packages that a file names are there, in those versions."""
    for line in Path(requirements_file).read_text("utf-8").splitlines():
        match = re_requirement.match(line.partition("#")[0].strip())
        if match is not None and not _is_met(match["name"], match["test"], match["version"]):
            return False
    return True


def _is_met(name: str, test: str | None, version: str | None) -> bool:
    """Whether a package is there in a version that is enough; of tests == and >= are made."""
    from importlib import metadata

    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    if test == "==":
        return found == version
    return test != ">=" or _numbers(found) >= _numbers(version or "")


def _numbers(version: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", version)]


def git_clone(url: str, dir: str, name: str, commithash: str | None = None) -> None:
    """Raises: NotHereError."""
    from .bridge.missing import refuse

    refuse("git_clone", "repositories are not checked out at the start; ship what you need with the extension")


def configure_for_tests() -> None:
    """`webui.py test` does it."""
