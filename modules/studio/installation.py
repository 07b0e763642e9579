"""The first run: a virtual environment beside webui.py and the pinned packages in it. The standard library suffices."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import ROOT

VENV = ROOT / ".venv"
CONSTRAINTS = "constraints.txt"
"""Named by the first line of requirements.txt: the versions of what the packages bring with them."""
TO_SERVE = ("requirements.txt",)
TO_TEST = (*TO_SERVE, "requirements-test.txt", "requirements-test-nodeps.txt")
"""A file whose name ends in -nodeps lists packages of which only a part is used: theirs are not installed."""
OPTIONAL = frozenset({"xformers"})
LAST_LINES = 400

Say = Callable[[str], None]


class InstallationError(AquatintError):
    """The packages could not be installed; the text says which one failed, why, and how to go on."""


def choose_python(files: Iterable[str], *, install: bool, say: Say) -> Path:
    """The Python that has the packages in `files` (of this folder), after installing them where that is ours to do.

    Our own environment is .venv. Inside any other one, or without `install`, what is there is used.

    Raises: InstallationError when packages are missing there, or could not be installed.
    """
    if _inside_ours() and not _is_made_for_this_python():
        raise InstallationError(f"The Python that {VENV} was made for has changed. Delete that folder and start again.")
    if install and not _inside_foreign():
        for file in files:
            _install_once(file, say)
    elif existing_python() == Path(sys.executable):
        _require(files, say)
    return existing_python()


def existing_python() -> Path:
    """The one in .venv, unless another environment is active or there is no .venv: then the one that runs this."""
    ours = python_of(VENV)
    return Path(sys.executable) if _inside_ours() or _inside_foreign() or not ours.exists() else ours


def python_of(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


# What is to be there


def pins(file: str) -> dict[str, str]:
    """{package: version} of the lines of a requirements file that apply to this Python and machine."""
    found = {}
    for line in (ROOT / file).read_text("utf-8").splitlines():
        requirement, _, marker = line.partition("#")[0].partition(";")
        name, equals, version = requirement.strip().partition("==")
        if equals and applies(marker.strip()):
            found[name] = version
    return found


def applies(marker: str) -> bool:
    """An environment marker as our own files use them: comparisons joined by `and`, those joined by `or`."""
    return not marker or any(all(_compare(part) for part in group.split(" and ")) for group in marker.split(" or "))


def installed_version(package: str) -> str | None:
    """Its version without the build's name (2.14.1 for 2.14.1+cpu); None if it is not installed."""
    try:
        return importlib.metadata.version(package).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None


def _compare(clause: str) -> bool:
    match = re.fullmatch(r"(python_version|sys_platform|platform_machine) (==|!=|<|>=) \"([^\"]*)\"", clause.strip())
    if match is None:
        raise ValueError(f"This marker is not understood: {clause}")
    name, comparison, value = match.groups()
    if name == "python_version":
        here, there = sys.version_info[:2], tuple(int(part) for part in value.split("."))
        return {"==": here == there, "!=": here != there, "<": here < there, ">=": here >= there}[comparison]
    here_is_there = {"sys_platform": sys.platform, "platform_machine": platform.machine()}[name] == value
    return here_is_there if comparison == "==" else not here_is_there


def _require(files: Iterable[str], say: Say) -> None:
    """Names what another environment lacks; a version that differs is its owner's choice and only said."""
    missing = []
    for file in files:
        for package, version in pins(file).items():
            there = installed_version(package)
            if there is None and package not in OPTIONAL:
                missing.append(f"{package}=={version}")
            elif there is not None and there != version:
                say(f"{package} {there} is installed; Aquatint was tested with {version}.")
    if missing:
        commands = "\n  ".join(shlex.join(_pip(Path(sys.executable), file)) for file in files)
        raise InstallationError(
            f"{sys.executable} lacks {', '.join(missing)}.\nInstall them with\n  {commands}\n"
            "or start webui.py with a Python outside of any virtual environment: it then makes its own."
        )


# Installing


def _inside_ours() -> bool:
    return Path(sys.prefix).resolve() == VENV.resolve()


def _inside_foreign() -> bool:
    return sys.prefix != sys.base_prefix and not _inside_ours()


def _is_made_for_this_python() -> bool:
    """False after the system's Python was upgraded beneath the environment."""
    settings = VENV / "pyvenv.cfg"
    made_for = re.search(r"^version\w* *= *(\d+\.\d+)", settings.read_text("utf-8"), re.MULTILINE)
    return made_for is None or made_for[1] == "{}.{}".format(*sys.version_info)


def _install_once(file: str, say: Say) -> None:
    """Installs `file` unless the stamp says that just this was done; the stamp is written last."""
    stamp = VENV / "installed" / file
    digest = hashlib.sha256((ROOT / file).read_bytes() + (ROOT / CONSTRAINTS).read_bytes()).hexdigest()
    if python_of(VENV).exists() and stamp.exists() and stamp.read_text("utf-8") == digest:
        return
    _make_venv(say)
    say(f"Installing {file} into {VENV}. The first time this takes some minutes.")
    command = _pip(python_of(VENV), file)
    lines = _run(command, say)
    if lines is not None:
        raise InstallationError(explain("\n".join(lines), command))
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(digest, "utf-8")


def _make_venv(say: Say) -> None:
    """Raises: InstallationError when it cannot be made, with the name of the package that Debian keeps it in."""
    if python_of(VENV).exists() and _is_whole():
        return
    say(f"Making a virtual environment in {VENV}.")
    version = "{}.{}".format(*sys.version_info)
    if importlib.util.find_spec("ensurepip") is None:
        raise InstallationError(
            f"This Python cannot make virtual environments: its module ensurepip is missing.\n"
            f"On Debian or Ubuntu:\n  sudo apt install python{version}-venv\nThen start webui.py again."
        )
    try:
        venv.create(VENV, clear=True, symlinks=os.name != "nt", with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise InstallationError(f"The virtual environment {VENV} could not be made: {error}.") from None


def _is_whole() -> bool:
    """Its Python runs, is an environment rather than a link to the system's, and has pip."""
    words = [str(python_of(VENV)), "-c", "import pip, sys; print(sys.prefix != sys.base_prefix)"]
    said = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603  our own words
    return said.stdout.strip() == "True"


def _pip(python: Path, file: str) -> list[str]:
    alone = ["--no-deps"] if file.endswith("-nodeps.txt") else []
    return [str(python), "-m", "pip", "install", *alone, "-r", str(ROOT / file)]


def _run(command: list[str], say: Say) -> list[str] | None:
    """Runs pip and says how it gets on. Returns its last lines if it fails, None if it succeeds."""
    words = [*command, "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    lines: list[str] = []
    with subprocess.Popen(  # noqa: S603  our own words
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        cwd=ROOT,
        env={**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "1", "PYTHONUNBUFFERED": "1"},
    ) as pip:
        assert pip.stdout is not None
        for news in progress(_kept(pip.stdout, lines)):
            say(news)
    return lines if pip.returncode else None


def _kept(stream: Iterable[str], lines: list[str]) -> Iterator[str]:
    for line in stream:
        lines.append(line.rstrip())
        del lines[:-LAST_LINES]
        yield lines[-1]


COLLECTING = re.compile(r"Collecting ([\w.-]+)")
FETCHING = re.compile(
    r"\s*(?:Downloading|Using cached|Processing) (?:\S*/)?([\w.]+?)-(\d[\w.+!]*)-\S+\.whl(?!\S)(?: (\(\d[^)]*B\)))?"
)
INSTALLING = re.compile(r"Installing collected packages: (.*)")


def progress(lines: Iterable[str]) -> Iterator[str]:
    """What is worth telling a person of what pip prints: `12 of 70: torch 2.14.1 (888.0 MB)`.

    From some indexes pip fetches a package as soon as it finds it; how many there will be is then not known.
    """
    wanted: set[str] = set()
    fetched = 0
    for line in lines:
        if match := COLLECTING.match(line):
            wanted.add(match[1].lower().replace("_", "-"))
        elif match := FETCHING.match(line):
            fetched += 1
            place = f"{fetched} of {len(wanted)}" if len(wanted) > fetched else f"{fetched}"
            yield f"  {place}: {match[1].replace('_', '-')} {match[2]} {match[3] or ''}".rstrip()
        elif match := INSTALLING.match(line):
            yield f"  unpacking {match[1].count(',') + 1} packages: a minute or two"


OFFLINE = (
    r"NewConnectionError|NameResolutionError|name resolution|Network is unreachable|ConnectTimeout|ReadTimeout|"
    r"ProxyError|Connection refused|SSLError|Could not fetch URL"
)
REASONS: tuple[tuple[str, str], ...] = (
    (r"No space left on device|Errno 28\b|Disk quota exceeded", "the disk is full. {room}"),
    (OFFLINE, "the package index could not be reached: is the network up, does a proxy stand between?"),
    (r"Permission denied|Errno 13\b|Read-only file system", "a file could not be written: {last}"),
    (
        r"requires? a different [Pp]ython|Requires-Python|require a different python version",
        "it is not made for Python {version}. Aquatint runs on Python 3.10 to 3.13.",
    ),
    (r"DO NOT MATCH THE HASHES", "what arrived is not what was published: try again, perhaps on another network."),
    (r"Could not find a version|No matching distribution", "there is no such version for this Python and machine."),
    (
        r"ResolutionImpossible|conflicting dependencies",
        "its version contradicts what constraints.txt or another package wants.",
    ),
    (r"Failed (?:building|to build)|metadata-generation-failed|subprocess-exited-with-error", "it could not be built."),
)
"""What pip says when it fails, and the same for people. The first that fits counts."""
CULPRITS = (
    r"No matching distribution found for ([\w.\[\]-]+(?:==[\w.+!]+)?)",
    r"satisfies the requirement ([\w.\[\]-]+(?:==[\w.+!]+)?)",
    r"Cannot install ([\w.\[\]-]+(?:==[\w.+!]+)?)",
    r"Package '([\w.-]+)' requires a different",
    r"Failed (?:building wheel|to build) (?:for )?([\w.-]+)",
    r"[\s\S]*^\s*(?:Downloading|Using cached|Processing) (?:\S*/)?([\w.]+?-\d[\w.+!]*)",
    r"[\s\S]*^Collecting ([\w.-]+(?:==[\w.+!]+)?)",
)


def explain(output: str, command: list[str]) -> str:
    """Which package failed and why, from pip's output, and how to go on."""
    errors = [line for line in output.splitlines() if line.lstrip().upper().startswith(("ERROR", "OSERROR"))]
    last = (errors or output.splitlines() or ["pip said nothing"])[-1].strip()
    found = (re.search(pattern, output, re.MULTILINE) for pattern in CULPRITS)
    culprit = next((f"{match[1]}: " for match in found if match), "")
    reason = next((text for pattern, text in REASONS if re.search(pattern, output)), "{last}")
    told = reason.format(
        last=last,
        version="{}.{}".format(*sys.version_info),
        room=f"Some 8 GB are needed in {ROOT}, and 4 GB for a while in {tempfile.gettempdir()} (TMPDIR).",
    )
    return (
        f"The installation stopped at {culprit}{told}\n"
        f"pip's last word: {last}\n"
        f"Mend that and start webui.py again: it goes on where it stopped. By hand:\n  {shlex.join(command)}"
    )
