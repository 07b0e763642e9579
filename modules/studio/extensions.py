"""The extensions of a data folder: what is there and how it behaves; brought, changed, turned off and taken away."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from modules.diffusion.errors import AquatintError
from modules.studio import extension_packages as packages
from modules.studio.extension_git import Commit, Git, GitError
from modules.studio.extension_intake import Intake, IntakeError, NoSuchExtensionError
from modules.studio.extension_needs import taken_for_granted
from modules.studio.extension_process import Halt
from modules.studio.extension_records import Record, Records
from modules.studio.extension_scan import Scan, scan
from modules.studio.extension_trash import Kept, Trash, move
from modules.studio.extension_words import Words
from modules.studio.files import explained
from modules.studio.folders import Folders

LACKS = re.compile(r"No module named '(\w+)")
"""A package that A1111 brings may be needed by a package, and not by the extension itself."""
State = Literal["on", "off", "set aside", "changed", "held back"]


class Known(Protocol):
    """An extension as the bridge finds it."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def builtin(self) -> bool: ...
    @property
    def enabled(self) -> bool: ...
    @property
    def why_not(self) -> str: ...


class Conduct(Protocol):
    """How it has behaved."""

    @property
    def on(self) -> bool: ...
    @property
    def faults(self) -> int: ...
    @property
    def set_aside(self) -> bool: ...
    @property
    def last_error(self) -> str: ...
    @property
    def seconds(self) -> Mapping[str, float]: ...


class Warden(Protocol):
    """Who contains them, and knows which are wanted."""

    def conduct(self, extension: str, /) -> Conduct: ...
    def turn(self, extension: str, on: bool, /) -> None: ...


@dataclass(frozen=True)
class Version:
    """Which one it is, as far as git or its record know."""

    commit: str = ""
    branch: str = ""
    date: int = 0
    remote: str = ""

    @property
    def short(self) -> str:
        return self.commit[:8]


@dataclass(frozen=True)
class Row:
    """One extension, as it is now."""

    name: str
    path: Path
    builtin: bool
    state: State
    why: str
    """Why it is not on, in a few words."""
    waits: bool
    """Something of it takes effect after a restart."""
    version: Version
    record: Record | None
    conduct: Conduct
    changed: list[str]
    """Programs that are not what was approved."""

    @property
    def can_update(self) -> bool:
        return self.version.remote.startswith("https://")


class Extensions:
    """Every method may raise an AquatintError, and then nothing has changed."""

    def __init__(
        self,
        folders: Folders,
        find: Callable[[], Sequence[Known]],
        warden: Warden,
        words: Words,
        records: Records,
        git: Git | None = None,
    ) -> None:
        self.folder = folders.data / "extensions"
        self.intake = Intake(folders.state / "staged", words, git or Git())
        self.trash = Trash(folders.state / "trash")
        self._state, self._find, self._warden, self._words = folders.state, find, warden, words
        self._records, self._git = records, git or Git()
        self._lock = threading.RLock()
        self._versions: dict[tuple[Path, float], Version] = {}
        self._at_start = {each.name: self._stamp(each) for each in find()}

    # What is there

    def rows(self) -> list[Row]:
        """All of them, in the order in which they are loaded."""
        return [self._row(each) for each in self._find()]

    def get(self, name: str) -> Row:
        """Raises: NoSuchExtensionError."""
        for row in self.rows():
            if row.name == name:
                return row
        raise NoSuchExtensionError(f"There is no extension called {name[:80]!r}.")

    def waits(self) -> bool:
        """Whether a restart would change anything."""
        found = {each.name: self._stamp(each) for each in self._find()}
        return found != self._at_start

    def scan(self, name: str) -> Scan:
        """What its sources say today."""
        return scan(self.get(name).path, self._words)

    # In and out

    def install(self, id: str) -> str:
        """Puts what lies ready into extensions/, in place of an older one of that name; returns the name."""
        staged = self.intake.get(id)
        with self._lock:
            old = next((row for row in self.rows() if row.name.lower() == staged.name.lower()), None)
            if old is not None and (old.builtin or old.record is None):
                how = "comes with Aquatint" if old.builtin else "was put there by hand"
                raise IntakeError(f"There is an extension {old.name} already, which {how}: it is not replaced.")
            target = self.folder / (old.name if old is not None else staged.name)
            kept = self.trash.put(old.name, old.path, old.record, "replaced") if old is not None else None
            try:
                record = self._approved(staged.record, staged.folder)
                with explained(target):
                    move(staged.folder, target)
                if kept is not None and kept.record is not None:
                    record.packages = kept.record.packages
                self._records.keep(target.name, record)
            except BaseException:
                if kept is not None and not target.exists():
                    self.trash.take(kept, target)
                raise
            self.intake.forget(id)
        if not self._warden.conduct(target.name).on:
            self._warden.turn(target.name, True)
        return target.name

    def uninstall(self, name: str) -> Kept:
        """Into the trash."""
        row = self._own(name)
        with self._lock:
            kept = self.trash.put(name, row.path, row.record, "uninstalled")
            self._records.forget(name)
            return kept

    def restore(self, id: str) -> str:
        """Out of the trash; what took its place meanwhile goes into it."""
        kept = self.trash.get(id)
        if kept.why == "edited":
            raise AquatintError(
                f"Those are single files of {kept.name}: copy what you need from {self.trash.place(kept)}."
            )
        with self._lock:
            present = next((row for row in self.rows() if row.name == kept.name), None)
            if present is not None:
                self.trash.put(present.name, present.path, present.record, "replaced")
            self.trash.take(kept, self.folder / kept.name)
            if kept.record is not None:
                self._records.keep(kept.name, kept.record)
            else:
                self._records.forget(kept.name)
        return kept.name

    # On and off

    def turn(self, name: str, on: bool) -> None:
        """What its owner wants; turned on, it begins again without faults."""
        self.get(name)
        self._warden.turn(name, on)

    def approve(self, name: str) -> None:
        """What its programs are now is what they may be."""
        self._records.approve(name, self.get(name).path)

    # Versions

    def look_for_update(self, name: str) -> list[Commit]:
        """What its source has that is not here, the newest first. Asks the network."""
        return self._git.fetch(self._copy(name).path)

    def update(self, name: str) -> str:
        """To the newest commit that `look_for_update` found; returns it."""
        row = self._copy(name)
        return self._switch(row, self._git.newest(row.path), [*_before(row), row.version.commit])

    def roll_back(self, name: str) -> str:
        """To the version before: a commit, or what an install replaced. Returns the commit, or ""."""
        row = self._own(name)
        if before := _before(row):
            return self._switch(row, before[-1], before[:-1])
        replaced = [kept for kept in self.trash.list() if kept.name == name and kept.why == "replaced"]
        if not replaced:
            raise AquatintError(f"No version of {name} before this one is known.")
        self.restore(replaced[0].id)
        return self.get(name).version.commit

    def can_roll_back(self, row: Row) -> bool:
        """Whether there is a version before."""
        return bool(_before(row)) or any(kept.name == row.name and kept.why == "replaced" for kept in self.trash.list())

    # Packages

    def plan_packages(
        self,
        name: str,
        *,
        only_new: bool = False,
        from_source: bool = False,
        say: packages.Say = packages.quiet,
        halt: Halt | None = None,
    ) -> packages.Plan:
        """What its requirements and what it was found to lack come to. Asks the package index; installs nothing."""
        wanted = self.scan(name).requirements
        lacks = LACKS.findall(self._warden.conduct(name).last_error)
        wanted += [line for line in taken_for_granted(lacks, wanted) if line not in wanted]
        locks = self._locks(name)
        say(f"pip looks for {', '.join(wanted) or 'nothing'}")
        return packages.plan(wanted, locks, only_new=only_new, from_source=from_source, say=say, halt=halt)

    def install_packages(
        self,
        name: str,
        plan: packages.Plan,
        say: packages.Say,
        *,
        from_source: bool = False,
        halt: Halt | None = None,
    ) -> None:
        """Installs a plan, then runs install.py if there is one, both into the extension's own overlay.

        What is in the overlay is known afterwards, also where install.py fails.
        """
        row = self.get(name)
        overlay = packages.overlay_of(self._state, name)
        try:
            if plan.packages:
                say(f"Installing {', '.join(f'{each.name} {each.version}' for each in plan.packages)}")
                packages.install(plan.packages, overlay, from_source=from_source, say=say, halt=halt)
            installer = row.path / "install.py"
            if installer.is_file():
                say("Running install.py")
                locks = self._locks(name)
                try:
                    packages.run_installer(installer, overlay, locks, say, from_source=from_source, halt=halt)
                except packages.PackagesError as error:
                    if not plan.packages:
                        raise
                    raise packages.PackagesError(f"What was planned is installed, but {error}") from None
        finally:
            with self._lock:
                record = self._records.get(name) or Record("folder", "", by_hand=True)
                self._records.keep(name, replace(record, packages=packages.installed_in(overlay)))

    def remove_packages(self, name: str) -> None:
        """Takes its overlay away."""
        packages.remove(packages.overlay_of(self._state, name))
        record = self._records.get(name)
        if record is not None:
            self._records.keep(name, replace(record, packages={}))

    def throw_away(self, id: str) -> None:
        """Takes something out of the trash for good, and its packages where nothing else has that name."""
        kept = self.trash.get(id)
        self.trash.throw_away(kept)
        others = {each.name for each in self._find()} | {each.name for each in self.trash.list()}
        if kept.name not in others:
            packages.remove_all(self._state, kept.name)

    def overlays(self) -> list[Path]:
        """Of those that are on."""
        return [packages.overlay_of(self._state, each.name) for each in self._find() if each.enabled]

    # Parts

    def _row(self, each: Known) -> Row:
        conduct, record = self._warden.conduct(each.name), self._records.get(each.name)
        changed = self._records.changes(each.name, each.path)
        state: State = "on" if each.enabled else "held back"
        if not conduct.on:
            state = "off"
        elif conduct.set_aside:
            state = "set aside"
        elif changed:
            state = "changed"
        waits = self._at_start.get(each.name) != self._stamp(each)
        version = self._version(each.path, record)
        return Row(*(each.name, each.path, each.builtin, state, each.why_not, waits, version, record, conduct, changed))

    def _own(self, name: str) -> Row:
        row = self.get(name)
        if row.builtin:
            raise AquatintError(f"{name} comes with Aquatint: it can be turned off, and goes with the program.")
        return row

    def _copy(self, name: str) -> Row:
        row = self._own(name)
        if not (row.path / ".git").is_dir():
            raise GitError(f"{name} did not come from git: install its new version in its place.")
        return row

    def _switch(self, row: Row, commit: str, before: list[str]) -> str:
        """Files that somebody changed are copied to the trash first: git would overwrite them."""
        with self._lock:
            if edited := self._git.edited(row.path):
                self.trash.put_copies(row.name, row.path, edited, row.record)
            self._git.switch(row.path, commit)
            record = row.record or Record("git", row.version.remote, by_hand=True)
            head = self._git.head(row.path)
            record = replace(record, commit=head.id, date=head.date, before=before[-20:])
            self._records.keep(row.name, self._approved(record, row.path))
        return commit

    def _approved(self, record: Record, folder: Path) -> Record:
        with explained(folder):
            return replace(record, programs=self._records.hashes(folder), approved=time.time())

    def _locks(self, name: str) -> list[str]:
        others = [row for row in self.rows() if row.name != name and row.record is not None and row.conduct.on]
        return packages.locks((*item, row.name) for row in others if row.record for item in row.record.packages.items())

    def _stamp(self, each: Known) -> tuple[object, ...]:
        """What it takes a restart to change."""
        record = self._records.get(each.name)
        known = (record.commit, record.approved, sorted(record.packages.items())) if record else ()
        return (each.enabled, *known)

    def _version(self, folder: Path, record: Record | None) -> Version:
        """By git where there is a working copy, else what the record has."""
        try:
            key = (folder, max((folder / ".git" / name).stat().st_mtime for name in ("HEAD", "index")))
        except OSError:
            return Version(record.commit, record.branch, record.date) if record else Version()
        if key not in self._versions:
            try:
                head = self._git.head(folder)
                self._versions[key] = Version(
                    head.id, self._git.branch(folder), head.date, self._git.remote(folder).strip()
                )
            except AquatintError:
                self._versions[key] = Version()
        return self._versions[key]


def _before(row: Row) -> list[str]:
    return row.record.before if row.record is not None and (row.path / ".git").is_dir() else []
