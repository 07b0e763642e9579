"""Git, held on a short lead: https only, no hooks, submodules, filters or questions, and never for long."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from modules.diffusion.errors import AquatintError

PATIENCE = 300.0
"""Seconds for a clone or a fetch; everything else is quick."""
SHOWN_COMMITS = 50
ADDRESS = re.compile(r"https://[\w.-]+(:\d{1,5})?(/[\w.~%+@=-]+)+/?")
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
RULES = (
    *("core.hooksPath=/dev/null", "core.fsmonitor=false", "core.symlinks=false", "core.sshCommand=false"),
    *("core.protectNTFS=true", "core.protectHFS=true", "transfer.fsckObjects=true", "submodule.recurse=false"),
    *("filter.lfs.smudge=", "filter.lfs.process=", "filter.lfs.clean=", "filter.lfs.required=false"),
    *("credential.helper=", "core.askPass=true", "gc.auto=0", "maintenance.auto=false", "advice.detachedHead=false"),
    *("http.lowSpeedLimit=1000", "http.lowSpeedTime=60", "protocol.allow=never"),
)
"""They stand above what a working copy's own configuration says."""
SILENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}


class GitError(AquatintError):
    """Git could not do it; the text says what it said."""


@dataclass(frozen=True)
class Commit:
    """A version in git."""

    id: str
    date: int
    """Seconds since 1970."""
    subject: str


@dataclass(frozen=True)
class Git:
    """The git on this machine. `protocols` is https; tests, which have no network, allow files."""

    protocols: Sequence[str] = ("https",)
    patience: float = PATIENCE

    def check(self, address: str) -> None:
        """Raises: GitError for an address that is not https://host/path, with nothing secret in it."""
        parts = urlsplit(address)
        if parts.scheme in self.protocols and parts.scheme != "https":
            return
        if parts.scheme not in self.protocols or not ADDRESS.fullmatch(address) or ".." in parts.path:
            raise GitError(f"{address:.200} is not of the form https://host/owner/name; no other is fetched.")

    def clone(self, address: str, into: Path) -> None:
        """A copy of the branch that the address shows first, in a new folder. Raises: GitError."""
        self.check(address)
        words = ["clone", "--quiet", "--single-branch", "--no-recurse-submodules", "--template="]
        self._run([*words, "--", address, str(into)], into.parent, self.patience)

    def head(self, copy: Path) -> Commit:
        """The commit that the copy is at. Raises: GitError."""
        return self._log(copy, "-1", "HEAD")[0]

    def branch(self, copy: Path) -> str:
        """The branch's name, or "" between branches."""
        try:
            return self._run(["symbolic-ref", "--short", "--quiet", "HEAD"], copy).strip()
        except GitError:
            return ""

    def remote(self, copy: Path) -> str:
        """Where the copy comes from, or ""."""
        try:
            return self._run(["config", "--local", "--get", "remote.origin.url"], copy).strip()
        except GitError:
            return ""

    def fetch(self, copy: Path) -> list[Commit]:
        """What the copy's source has that the copy has not, the newest first; nothing is switched. Raises: GitError."""
        address = self.remote(copy)
        self.check(address)
        branch = self.branch(copy) or "HEAD"
        words = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance"]
        self._run([*words, "--", address, f"+{branch}:refs/aquatint/newest"], copy, self.patience)
        return self._log(copy, f"-{SHOWN_COMMITS}", "HEAD..refs/aquatint/newest")

    def newest(self, copy: Path) -> str:
        """The commit that the last `fetch` found. Raises: GitError."""
        return self._run(["rev-parse", "--verify", "refs/aquatint/newest^{commit}"], copy).strip()

    def edited(self, copy: Path) -> list[str]:
        """The files that git knows and somebody changed here, not those that are gone. Raises: GitError."""
        said = self._run(["diff", "--name-only", "--no-ext-diff", "--diff-filter=d", "-z", "HEAD"], copy)
        return [name for name in said.split("\0") if name]

    def switch(self, copy: Path, commit: str) -> None:
        """Makes the files those of a commit; files that git does not know stay. Raises: GitError."""
        if not COMMIT.fullmatch(commit):
            raise GitError(f"{commit:.80} is no commit.")
        self._run(["reset", "--quiet", "--hard", commit], copy, self.patience)

    def _log(self, copy: Path, *words: str) -> list[Commit]:
        lines = self._run(["log", "--no-show-signature", "--format=%H %ct %s", *words], copy).splitlines()
        rows = [line.split(" ", 2) for line in lines if line]
        return [Commit(row[0], int(row[1]), row[2] if len(row) > 2 else "") for row in rows]

    def _run(self, words: Sequence[str], folder: Path, patience: float = 30.0) -> str:
        program = shutil.which("git")
        if program is None:
            raise GitError("Git is not installed on this machine. Download the extension as an archive instead.")
        allowed = [f"protocol.{name}.allow=always" for name in self.protocols]
        rules = [word for rule in (*RULES, *allowed) for word in ("-c", rule)]
        try:
            done = subprocess.run(  # noqa: S603  our own words; an address stands behind "--"
                [program, *rules, *words],
                cwd=folder,
                env=_environment(os.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=patience,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise GitError(f"Git did not end within {patience:.0f} seconds.") from None
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise GitError(f"Git could not do it: {said[-1] if said else 'it said nothing'}.")
        return done.stdout


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Proxies and certificates as the person has them, and none of git's own settings."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_") or name.startswith("GIT_SSL")}
    return kept | SILENT
