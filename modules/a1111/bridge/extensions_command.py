"""`webui.py extensions`: what the tab does, on the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import Flags
from modules.studio.extensions import Extensions
from modules.studio.folders import find_folders

from .containment import containment
from .front_desk import extensions_of
from .packages_command import PackagesCommand

HELP = """webui.py extensions list | install WHAT | update NAME | on NAME | off NAME | uninstall NAME
webui.py extensions packages NAME [--yes] [--leave-out] [--from-source]"""


@dataclass(frozen=True)
class Command:
    """The words of one, and where it says what it did."""

    flags: Flags
    say: Callable[[str], None]
    switches: Collection[str] = ()
    """Of `packages`: PACKAGE_SWITCHES says what they mean."""

    def run(self, words: Sequence[str]) -> int:
        """The exit code. Raises: AquatintError."""
        verb, names = (words[0], list(words[1:])) if words else ("list", [])
        if verb == "trial" and names:
            return self._trial(names[0])
        verbs: dict[str, Callable[[Extensions, str], None]] = {
            "install": self._install,
            "update": self._update,
            "on": lambda extensions, name: extensions.turn(name, True),
            "off": lambda extensions, name: extensions.turn(name, False),
            "packages": lambda extensions, name: PackagesCommand(extensions, name, self.say, self.switches).run(),
            "uninstall": lambda extensions, name: self.say(f"In the trash: {extensions.uninstall(name).id}"),
        }
        extensions = self._open()
        if verb == "list" and not names:
            self._list(extensions)
        elif verb in verbs and names:
            for name in names:
                verbs[verb](extensions, name)
        else:
            raise AquatintError(HELP)
        return 0

    def _open(self) -> Extensions:
        """Without a studio: its folders are enough."""
        folders = find_folders(self.flags)
        folders.make()
        containment.open(folders.state / "extensions.json")
        app: Any = SimpleNamespace(folders=folders, flags=self.flags)
        return extensions_of(app)

    def _list(self, extensions: Extensions) -> None:
        for row in extensions.rows():
            about = row.version.short or ("comes with Aquatint" if row.builtin else "")
            self.say(f"{row.state:10}  {row.name}  {about}  {row.why}".rstrip())

    def _install(self, extensions: Extensions, what: str) -> None:
        staged = extensions.intake.bring(str(Path(what).absolute()) if Path(what).exists() else what)
        found = staged.scan
        self.say(f"{staged.name}: {found.verdict}")
        for text in (*found.reasons, *found.notes):
            self.say(f"  {text}")
        name = extensions.install(staged.id)
        self.say(f"Installed as {name}.")
        if found.requirements or found.has_installer:
            self.say(f"It wants packages: {', '.join([*found.requirements, *found.installs])}")
            self.say(f"webui.py extensions packages {name}")

    def _update(self, extensions: Extensions, name: str) -> None:
        commits = extensions.look_for_update(name)
        for commit in commits:
            self.say(f"  {commit.id[:8]} {commit.subject}")
        self.say(f"{name} is now at {extensions.update(name)[:8]}." if commits else f"{name} is up to date.")

    def _trial(self, name: str) -> int:
        """In the scratch program that the tab starts; AQUATINT_SITES names the folders of its packages."""
        from .trial_run import try_alone

        sys.path += [site for site in os.environ.get("AQUATINT_SITES", "").split(os.pathsep) if site]
        self.say(try_alone(self.flags, name))
        sys.stdout.flush()
        os._exit(0)
