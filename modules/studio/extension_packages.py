"""Packages that extensions want: planned by pip without installing, then put into a folder of their own."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import ROOT
from modules.studio.extension_conflicts import OF, PLAIN, conflict_in, offender, plain_name
from modules.studio.extension_process import Halt, run_aside

PATIENCE = 1800.0
"""Seconds for pip, and for an install.py."""
SCRATCH = ("TMPDIR", "TEMP", "TMP")
"""Where pip unpacks things: a pip that is ended takes nothing away."""
INSTALLING = "AQUATINT_INSTALLING"
"""Set while an install.py runs, and only then: elsewhere nobody asked for packages."""
RUN = """
import runpy, sys
there = sys.path.pop(0)
from modules.studio.stand_ins import install
install()
sys.path[:] = [there, *sys.path, *sys.argv[2:]]
sys.argv = sys.argv[1:2]
runpy.run_path(sys.argv[0], run_name="__main__")
"""

Say = Callable[[str], None]


def quiet(line: str) -> None:
    """Says nothing."""


class PackagesError(AquatintError):
    """The packages of an extension could not be planned or installed; the text says why."""


@dataclass(frozen=True)
class Package:
    """One that would be installed."""

    name: str
    version: str
    sha256: str
    url: str = field(default="", repr=False)


@dataclass(frozen=True)
class Plan:
    """What pip would install. Nothing is installed yet."""

    packages: list[Package] = field(default_factory=list)
    conflict: str = ""
    """Why it cannot be: pip's words, in short."""
    left_out: list[str] = field(default_factory=list)
    """Lines that are not followed: addresses and options, what would contradict Aquatint's own packages, and what there
    is no package of, with the reason where it is not plain."""


# Where they lie


def overlay_of(state: Path, name: str) -> Path:
    """The folder of one extension's packages, for this Python: those of another one would not fit."""
    return state / "packages" / f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}" / name


def sites(overlay: Path) -> list[Path]:
    """The folders of an overlay that Python imports from."""
    scheme = "nt" if os.name == "nt" else "posix_prefix"
    paths = sysconfig.get_paths(scheme, {"base": str(overlay), "platbase": str(overlay)})
    return list(dict.fromkeys(Path(paths[key]) for key in ("purelib", "platlib")))


def add_to_path(overlays: Iterable[Path]) -> None:
    """Makes their packages importable, after everything that Aquatint itself has."""
    found = [str(site) for overlay in overlays for site in sites(overlay) if site.is_dir()]
    sys.path += [site for site in found if site not in sys.path]
    importlib.invalidate_caches()


# Planning


def locks(others: Iterable[tuple[str, str, str]] = ()) -> list[str]:
    """Constraints for pip: every installed package stays as it is, then the pins of what could still be installed.

    `others` are packages in the overlays of other extensions: name, version, extension. A remark says whose they are.
    """
    held = own_packages()
    lines = [f"{name}=={version.partition('+')[0]}" for name, version in sorted(held.items())]
    pinned = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if "==" in line]
    lines += [line for line in pinned if plain_name(line.partition("==")[0].strip()) not in held]
    known = {plain_name(re.split("[= ]", line)[0]) for line in lines}
    return lines + [f"{name}=={version}{OF}{by}" for name, version, by in others if plain_name(name) not in known]


def own_packages() -> dict[str, str]:
    """Versions by plain names of what is installed with Aquatint, not of what extensions have brought."""
    inside = {os.path.realpath(sysconfig.get_path(key)) for key in ("purelib", "platlib")}
    return {plain_name(row.name): row.version for row in metadata.distributions(path=sorted(inside)) if row.name}


def plan(
    lines: Sequence[str],
    constraints: Sequence[str],
    *,
    from_source: bool = False,
    only_new: bool = False,
    say: Say = quiet,
    halt: Halt | None = None,
) -> Plan:
    """Asks pip, and with it the package index, what these requirements come to.

    `only_new` leaves out what names a package of Aquatint's, and whatever else pip says no to. `from_source` allows
    packages that are built here, by programs of their own.

    Raises: PackagesError when pip cannot be run, CancelledError.
    """
    held = own_packages()
    wanted, left_out = [], []
    for line in lines:
        match = PLAIN.fullmatch(line)
        if match is None or (only_new and plain_name(match[1]) in held):
            left_out.append(line)
        else:
            wanted.append(line)
    pip = Pip(say, halt)
    found = _asked(wanted, constraints, from_source, pip)
    while only_new and (line := offender(found.conflict, wanted)):
        bare = re.sub(r"\[[^]]*\]", "", line)
        left_out.append(f"{line}: {found.conflict}" if bare == line else f"the extras of {line}: {found.conflict}")
        wanted = [bare if each == line else each for each in wanted if each != line or bare != line]
        say(f"pip tries again without {left_out[-1].partition(':')[0]}")
        found = _asked(wanted, constraints, from_source, pip)
    return replace(found, left_out=left_out)


def _asked(wanted: Sequence[str], constraints: Sequence[str], from_source: bool, pip: Pip) -> Plan:
    """What pip says to just these."""
    if not wanted:
        return Plan()
    with _folder() as folder:
        (folder / "wanted.txt").write_text("\n".join(wanted), "utf-8")
        (folder / "locks.txt").write_text("\n".join(constraints), "utf-8")
        report = folder / "report.json"
        words = ["--dry-run", "--report", str(report), "-c", str(folder / "locks.txt")]
        output = pip.install([*words, "-r", str(folder / "wanted.txt"), *_binary(from_source)], folder)
        if output is not None:
            return Plan(conflict=conflict_in(output, constraints))
        rows = json.loads(report.read_text("utf-8"))["install"]
    return Plan([_package(row) for row in rows])


def _package(row: dict[str, Any]) -> Package:
    found, download = row["metadata"], row["download_info"]
    known = download.get("archive_info", {})
    digest = known.get("hashes", {}).get("sha256") or str(known.get("hash", "")).removeprefix("sha256=")
    return Package(found["name"], found["version"], digest, download.get("url", ""))


# Installing


def install(
    packages: Sequence[Package],
    overlay: Path,
    *,
    from_source: bool = False,
    say: Say = quiet,
    halt: Halt | None = None,
) -> None:
    """Installs just these files, known by their hashes, in place of what the overlay holds.

    Raises: PackagesError, CancelledError; the overlay is then as it was.
    """
    overlay.parent.mkdir(parents=True, exist_ok=True)
    fresh = overlay.with_name(f".{overlay.name}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    lines = [f"{row.name}=={row.version} --hash=sha256:{row.sha256}" for row in packages]
    if unknown := [row.name for row in packages if not row.sha256]:
        raise PackagesError(f"The index gives no hash for {', '.join(unknown)}: it is not installed.")
    try:
        with _folder() as folder:
            (folder / "exact.txt").write_text("\n".join(lines), "utf-8")
            words = ["--no-deps", "--ignore-installed", "--require-hashes", "--prefix", str(fresh)]
            output = Pip(say, halt).install([*words, *_binary(from_source), "-r", str(folder / "exact.txt")], folder)
        if output is not None:
            raise PackagesError(f"The packages could not be installed: {conflict_in(output)}.")
        _replace(overlay, fresh)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def remove(overlay: Path) -> None:
    """Takes an extension's packages away."""
    shutil.rmtree(overlay, ignore_errors=True)


def remove_all(state: Path, name: str) -> None:
    """Takes them away for every Python that had some."""
    for overlay in (state / "packages").glob("*/*"):
        if overlay.name == name:
            remove(overlay)


def run_installer(
    script: Path,
    overlay: Path,
    constraints: Sequence[str],
    say: Say,
    *,
    from_source: bool = False,
    halt: Halt | None = None,
) -> None:
    """Runs an extension's install.py in a process of its own; what it asks pip for goes into the overlay.

    Raises: PackagesError when it fails or does not end, CancelledError.
    """
    own = [str(site) for site in sites(overlay)]
    with _folder() as folder:
        (folder / "locks.txt").write_text("\n".join(constraints), "utf-8")
        given = {
            INSTALLING: "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), *own]),
            "PIP_CONSTRAINT": str(folder / "locks.txt"),
            "PIP_PREFIX": str(overlay),
            **({} if from_source else {"PIP_ONLY_BINARY": ":all:"}),
        }
        last = [""]

        def heard(line: str) -> None:
            last[0] = line.strip() or last[0]
            say(line)

        command = [sys.executable, "-c", RUN, str(script), *own]
        try:
            code = run_aside(command, script.parent, _environ(given), heard, PATIENCE, halt)
        finally:
            _drop_replaced(overlay)
    if code:
        raise PackagesError(f"install.py ended with exit code {code}. Its last words: {last[0][:300] or 'none'}")


def installed_in(overlay: Path) -> dict[str, str]:
    """Names and versions of what an overlay holds."""
    places = [str(site) for site in sites(overlay) if site.is_dir()]
    found = metadata.distributions(path=places) if places else ()
    return {row.name: row.version for row in found if row.name}


def _drop_replaced(overlay: Path) -> None:
    """Of a package that is there twice, only the later one stays: pip takes nothing away outside its environment."""
    places = [str(site) for site in sites(overlay) if site.is_dir()]
    rows = [row for row in (metadata.distributions(path=places) if places else ()) if row.name and row.files]
    rows.sort(key=_installed_at)
    last = {plain_name(row.name): row for row in rows}
    for row in rows:
        newer = last[plain_name(row.name)]
        if row is not newer:
            kept = {str(file) for file in newer.files or ()}
            for file in (file for file in row.files or () if str(file) not in kept):
                Path(str(file.locate())).unlink(missing_ok=True)


def _installed_at(row: metadata.Distribution) -> float:
    """pip writes the RECORD anew; the other files are as old as their wheel."""
    return max(
        (Path(str(file.locate())).stat().st_mtime for file in row.files or () if file.name == "RECORD"), default=0
    )


def _replace(overlay: Path, fresh: Path) -> None:
    old = overlay.with_name(f".{overlay.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    with suppress(FileNotFoundError):
        overlay.rename(old)
    fresh.mkdir(exist_ok=True)
    fresh.rename(overlay)
    shutil.rmtree(old, ignore_errors=True)


def _binary(from_source: bool) -> list[str]:
    return [] if from_source else ["--only-binary", ":all:"]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="aquatint-pip-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@dataclass(frozen=True)
class Pip:
    """pip, whose lines somebody hears, and which ends when somebody says so."""

    say: Say
    halt: Halt | None

    def install(self, words: Sequence[str], folder: Path) -> str | None:
        """What pip said if it failed, None if it did not. What it unpacks meanwhile is below `folder`."""
        lines: list[str] = []

        def heard(line: str) -> None:
            lines.append(line)
            self.say(line)

        command = [sys.executable, "-m", "pip", "install", "--no-input", "--progress-bar", "off", *words]
        code = run_aside(command, folder, _environ(dict.fromkeys(SCRATCH, str(folder))), heard, PATIENCE, self.halt)
        return "\n".join(lines) if code else None


def _environ(given: dict[str, str]) -> dict[str, str]:
    still = {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PYTHONUNBUFFERED": "1"}
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PIP_TARGET", "PIP_PREFIX")}
    return {**kept, **still, **given}
