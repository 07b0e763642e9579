"""What can be done with extensions, verb by verb: at once, or as a chore that is asked after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from modules.diffusion.errors import AquatintError
from modules.studio.extension_chores import Chore, Chores, Work
from modules.studio.extension_intake import Staged
from modules.studio.extension_packages import PackagesError, Plan
from modules.studio.extension_process import Halt
from modules.studio.extension_trash import Kept
from modules.studio.extension_trial import Trial
from modules.studio.extensions import Extensions, Row
from modules.studio.request import RequestError

Try = Callable[[Path, str, Halt], Trial]


CAN_END = frozenset({"try", "plan", "packages"})
"""Chores that a person may cancel: other programs do their work."""


class Desk:
    """One for the whole server."""

    def __init__(self, extensions: Extensions, trial: Try, restart: Callable[[], None] | None = None) -> None:
        """`trial` takes a folder, the extension's name, and what ends it early; `restart` starts the server anew."""
        self.extensions, self._trial, self._restart = extensions, trial, restart
        self.chores = Chores()
        self._plans: dict[str, tuple[Plan, bool]] = {}
        """What was planned last for each, and whether packages may be built here."""
        self._at_once: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
            "install": lambda asked: extensions.install(_text(asked, "id")),
            "forget": lambda asked: extensions.intake.forget(_text(asked, "id")),
            "on": lambda asked: extensions.turn(_text(asked, "name"), True),
            "off": lambda asked: extensions.turn(_text(asked, "name"), False),
            "approve": lambda asked: extensions.approve(_text(asked, "name")),
            "uninstall": lambda asked: extensions.uninstall(_text(asked, "name")).id,
            "restore": lambda asked: extensions.restore(_text(asked, "id")),
            "throw-away": lambda asked: extensions.throw_away(_text(asked, "id")),
            "roll-back": lambda asked: extensions.roll_back(_text(asked, "name")),
            "update": lambda asked: extensions.update(_text(asked, "name")),
            "remove-packages": lambda asked: extensions.remove_packages(_text(asked, "name")),
            "scan": lambda asked: asdict(extensions.scan(_text(asked, "name"))),
            "cancel": lambda asked: self.chores.cancel(),
            "restart": lambda asked: self._start_over(),
        }
        self._chores: Mapping[str, Callable[[Mapping[str, Any]], tuple[str, Work]]] = {
            "bring": self._bring,
            "look": self._look,
            "try": self._try,
            "plan": self._plan,
            "packages": self._packages,
        }

    @property
    def verbs(self) -> set[str]:
        return {*self._at_once, *self._chores}

    def do(self, verb: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """{"result": ...}, or {"chore": ...} for what takes its time. Raises: AquatintError."""
        if verb in self._at_once:
            return {"result": self._at_once[verb](asked)}
        what, work = self._chores[verb](asked)
        return {"chore": shown_chore(self.chores.start(what, work, can_end=verb in CAN_END))}

    def upload(self, name: str, data: bytes) -> dict[str, Any]:
        """An archive that somebody's browser sent, looked at as `bring` does it."""
        intake = self.extensions.intake
        place = intake.upload_place()

        def work(chore: Chore) -> Any:
            try:
                return shown_staged(intake.bring_archive(place, Path(name).name or "upload.zip"))
            finally:
                place.unlink(missing_ok=True)

        place.write_bytes(data)
        return {"chore": shown_chore(self.chores.start(f"Looking at {name[:80]}", work))}

    def state(self) -> dict[str, Any]:
        """What the tab shows."""
        extensions, latest = self.extensions, self.chores.latest
        return {
            "extensions": [self._shown(row) for row in extensions.rows()],
            "waits": extensions.waits(),
            "restarts": self._restart is not None,
            "trash": [shown_kept(kept) for kept in extensions.trash.list()],
            "chore": shown_chore(latest) if latest is not None else None,
        }

    # Chores

    def _bring(self, asked: Mapping[str, Any]) -> tuple[str, Work]:
        what = _text(asked, "what")
        return f"Looking at {what[:120]}", lambda chore: shown_staged(self.extensions.intake.bring(what))

    def _look(self, asked: Mapping[str, Any]) -> tuple[str, Work]:
        name = _text(asked, "name")

        def work(chore: Chore) -> Any:
            return {"name": name, "commits": [asdict(commit) for commit in self.extensions.look_for_update(name)]}

        return f"Asking for a new version of {name[:80]}", work

    def _try(self, asked: Mapping[str, Any]) -> tuple[str, Work]:
        """One that lies ready, or one that is there."""
        if "id" in asked:
            staged = self.extensions.intake.get(_text(asked, "id"))
            folder, name = staged.folder, staged.name
        else:
            row = self.extensions.get(_text(asked, "name"))
            folder, name = row.path, row.name

        def work(chore: Chore) -> Any:
            chore.say("The program is started in a scratch folder, with this extension alone.")
            trial = self._trial(folder, name, chore.halt)
            return {"name": name, **asdict(trial), "sentence": trial.sentence, "held": trial.held}

        return f"Trying {name}", work

    def _plan(self, asked: Mapping[str, Any]) -> tuple[str, Work]:
        name, from_source = _text(asked, "name"), asked.get("from_source") is True
        row = self.extensions.get(name)

        only_new = asked.get("only_new") is True

        def work(chore: Chore) -> Any:
            chore.say("Reading what it wants. Nothing is installed yet.")
            plan = self.extensions.plan_packages(
                name, only_new=only_new, from_source=from_source, say=chore.say, halt=chore.halt
            )
            self._plans[name] = plan, from_source
            installs = self.extensions.scan(name).installs if (row.path / "install.py").is_file() else None
            return {"name": name, **asdict(plan), "installer": installs}

        return f"Looking for the packages of {name}", work

    def _packages(self, asked: Mapping[str, Any]) -> tuple[str, Work]:
        name = _text(asked, "name")
        plan, from_source = self._plans.get(name, (None, False))
        if plan is None or plan.conflict:
            raise PackagesError("First look what its packages come to.")

        def work(chore: Chore) -> Any:
            self.extensions.install_packages(name, plan, chore.say, from_source=from_source, halt=chore.halt)
            self._plans.pop(name, None)
            return {"name": name}

        return f"Installing the packages of {name}", work

    # At once

    def _start_over(self) -> None:
        if self._restart is None:
            raise AquatintError("This server cannot start itself again: stop it, and start it.")
        self._restart()

    def _shown(self, row: Row) -> dict[str, Any]:
        record, conduct = row.record, row.conduct
        has_installer = (row.path / "install.py").is_file() or (row.path / "requirements.txt").is_file()
        return {
            "name": row.name,
            "builtin": row.builtin,
            "state": row.state,
            "why": row.why,
            "waits": row.waits,
            "commit": row.version.short,
            "branch": row.version.branch,
            "date": row.version.date,
            "origin": row.version.remote or (record.origin if record else ""),
            "source": record.source if record else "",
            "by_hand": not row.builtin and (record is None or record.by_hand),
            "changed": row.changed,
            "can_update": row.can_update and not row.builtin,
            "can_roll_back": not row.builtin and self.extensions.can_roll_back(row),
            "packages": record.packages if record else {},
            "wants_packages": (has_installer or "ModuleNotFoundError" in conduct.last_error) and not row.builtin,
            "faults": conduct.faults,
            "last_error": conduct.last_error,
            "traceback": getattr(conduct, "traceback", ""),
            "seconds": dict(sorted(conduct.seconds.items(), key=lambda item: -item[1])),
        }


def shown_chore(chore: Chore) -> dict[str, Any]:
    """As the page is told."""
    names = ("id", "what", "state", "step", "error", "result", "can_end")
    shown = {name: getattr(chore, name) for name in names}
    return {**shown, "seconds": round(chore.seconds, 1), "lines": chore.lines[-200:]}


def shown_staged(staged: Staged) -> dict[str, Any]:
    record = staged.record
    return {
        "id": staged.id,
        "name": staged.name,
        "source": record.source,
        "origin": record.origin,
        "commit": record.commit[:8],
        "date": record.date,
        "scan": asdict(staged.scan),
    }


def shown_kept(kept: Kept) -> dict[str, Any]:
    return {"id": kept.id, "name": kept.name, "why": kept.why, "at": kept.at}


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value.strip():
        raise RequestError(f"{name}: it is missing, or not a text", name)
    return value
