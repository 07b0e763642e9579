"""The name `launch`, which the install scripts of A1111's extensions import: is it there, install it, run this."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from typing import Any

from modules.studio.command_line import ROOT, read_flags
from modules.studio.extension_packages import INSTALLING

python = sys.executable
git = os.environ.get("GIT", "git")
SPOKEN = "v1.10.1"
index_url = os.environ.get("INDEX_URL", "")


def __getattr__(name: str) -> Any:
    """`args`, the flags of the server; read when asked for, since importing does nothing."""
    if name == "args":
        return read_flags([], os.environ)
    raise AttributeError(f"launch has no {name}: Aquatint answers to is_installed, run, run_pip, python, git and args")


def is_installed(package: str) -> bool:
    """Whether a package is installed under that name, or can be imported by it."""
    try:
        return importlib.metadata.distribution(package) is not None
    except importlib.metadata.PackageNotFoundError:
        pass
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def run(
    command: str,
    desc: str | None = None,
    errdesc: str | None = None,
    custom_env: dict[str, str] | None = None,
    live: bool = True,
) -> str:
    """Runs a shell command and returns what it printed (nothing if `live`, then it prints to the terminal).

    Raises: RuntimeError when it fails.
    """
    if desc:
        print(desc)
    done = subprocess.run(  # noqa: S602  what an extension's own install script asks for
        command, shell=True, env=custom_env, capture_output=not live, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        said = f"\n{done.stdout}{done.stderr}" if not live else ""
        raise RuntimeError(f"{errdesc or 'Error running command'}. Exit code {done.returncode} of: {command}{said}")
    return done.stdout or ""


def run_pip(command: str, desc: str | None = None, live: bool = False) -> str:
    """`pip <command>` for an extension, within the versions that Aquatint itself needs.

    Raises: RuntimeError when it fails, also because the extension wants another version of one of those, and where
    nobody asked for packages: that is everywhere but in an install.py that the Extensions tab runs.
    """
    if INSTALLING not in os.environ:
        raise RuntimeError(f"{desc or command}: packages of extensions are installed on the Extensions tab.")
    what = f"Installing {desc}" if desc else None
    words = shlex.join([python, "-m", "pip", *shlex.split(command)])
    pinned = {"PIP_CONSTRAINT": str(ROOT / "constraints.txt"), "PIP_PREFER_BINARY": "1", **os.environ}
    return run(words, what, f"Couldn't install {desc or command}", custom_env=pinned, live=live)


def commit_hash() -> str:
    """The commit of this checkout, or "<none>"."""
    return _git("rev-parse", "HEAD")


def git_tag() -> str:
    """A1111's release whose words are spoken here: extensions ask for it to know what there is."""
    return SPOKEN


def _git(*words: str) -> str:
    program = shutil.which(git)
    if program is None:
        return "<none>"
    done = subprocess.run([program, *words], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    return done.stdout.strip() or "<none>"
