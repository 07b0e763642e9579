"""A trial: an extension alone in a program of its own, which makes one small picture with and without it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import ROOT
from modules.studio.environment import QUIET
from modules.studio.extension_process import Halt, TooLongError, run_aside

PATIENCE = 240.0
MARK = "AQUATINT-TRIAL "
"""How the line begins that holds the outcome."""
KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "GLIBC_TUNABLES", "CUDA_VISIBLE_DEVICES")
"""Of the environment: nothing that names a person or holds a secret."""
ALLOWED_NOT = "A trial does not allow"


@dataclass(frozen=True)
class Trial:
    """What came of it."""

    ended: bool
    """It came to its end: the page was built and the picture made."""
    picture: bool = False
    same: bool | None = None
    """Whether the picture is the one that is made without the extension; None where that is not known."""
    faults: list[str] = field(default_factory=list)
    """Hook and error, in the order in which they came."""
    refused: list[str] = field(default_factory=list)
    """What it wanted to reach outside of its folder and was not let."""
    hooks: dict[str, float] = field(default_factory=dict)
    """Seconds in each of its hooks."""
    said: list[str] = field(default_factory=list)
    """The last lines of the program, where it did not come to its end."""

    @property
    def held(self) -> bool:
        """Nothing failed but what the fence refused: what it does where it is let is not known."""
        return bool(self.faults) and all(ALLOWED_NOT in fault for fault in self.faults)

    @property
    def sentence(self) -> str:
        """For people."""
        if not self.ended:
            return f"The trial did not come to its end: {self.said[-1] if self.said else 'nothing was said'}"
        if self.held:
            return f"It was loaded, and stopped where a trial goes no further: {self.refused[-1]}."
        if self.faults:
            return f"It failed in its trial: {self.faults[0]}"
        if not self.picture:
            return "It was loaded, but no picture came of its trial."
        reached = f" It was kept from {self.refused[0]}." if self.refused else ""
        changed = {
            True: " It leaves pictures as they are while nothing is set.",
            False: " It changes pictures even while nothing is set.",
        }
        told = changed[self.same] if self.same is not None else ""
        return f"It was loaded and took part in a small picture without a fault.{told}{reached}"


def run_trial(
    folder: Path, name: str, sites: Sequence[Path] = (), patience: float = PATIENCE, halt: Halt | None = None
) -> Trial:
    """Copies the extension into a data folder that is made for it and thrown away, and starts the program on that."""
    with tempfile.TemporaryDirectory(prefix="aquatint-trial-", ignore_cleanup_errors=True) as scratch:
        data = Path(scratch) / "data"
        shutil.copytree(folder, data / "extensions" / name, ignore=shutil.ignore_patterns(".git"))
        lines: list[str] = []
        command = [sys.executable, str(ROOT / "webui.py"), "extensions", "trial", name, "--data-dir", str(data)]
        kept = {key: os.environ[key] for key in KEPT if key in os.environ}
        places = {"HOME": scratch, "TMPDIR": scratch, "TEMP": scratch, "TMP": scratch, "USERPROFILE": scratch}
        given = {"AQUATINT_SITES": os.pathsep.join(map(str, sites)), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            environ = {**kept, **QUIET, **places, **given}
            code = run_aside(command, Path(scratch), environ, lines.append, patience, halt)
        except TooLongError as error:
            return Trial(False, said=[*lines[-20:], str(error)])
    return read_outcome(lines, code)


def read_outcome(lines: Sequence[str], code: int) -> Trial:
    """The outcome among what a trial's program said."""
    for line in reversed(lines):
        if line.startswith(MARK):
            try:
                return Trial(**json.loads(line.removeprefix(MARK)))
            except (ValueError, TypeError):
                break
    return Trial(False, said=[*lines[-20:], f"the program ended with exit code {code}"])


def outcome_line(trial: Trial) -> str:
    """What the trial's program says at its end."""
    return MARK + json.dumps(asdict(trial))


class Fence:
    """An audit hook that keeps an honest extension inside its scratch folder and off the network. It is no prison:
    code that wants to get out of a Python process gets out."""

    def __init__(self, inside: Sequence[Path]) -> None:
        self._inside = tuple(str(path.resolve()) for path in inside)
        self.refused: list[str] = []
        self.up = False

    def put_up(self) -> None:
        """From now on; there is no way to take an audit hook away, `up` lets everything pass again."""
        self.up = True
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.up:
            return
        if event == "socket.connect" or event == "socket.getaddrinfo":
            self._connects(event, arguments)
        elif event == "open":
            self._opens(arguments)
        elif event in ("os.remove", "os.rename", "os.rmdir", "shutil.rmtree", "os.truncate"):
            self._keep_inside(f"{event.partition('.')[2]}", arguments[0])
        elif event == "subprocess.Popen":
            self._refuse(f"starting {str(arguments[0])[:80]}")

    def _connects(self, event: str, arguments: tuple[Any, ...]) -> None:
        address = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
        host = str(address[0]) if isinstance(address, tuple) else str(address)
        if isinstance(address, tuple | str) and host not in ("127.0.0.1", "::1", "localhost", "None"):
            self._refuse(f"connecting to {host[:80]}")

    def _opens(self, arguments: tuple[Any, ...]) -> None:
        path, mode, flags = (*arguments, None, None, None)[:3]
        writes = bool(set(mode or "") & set("wax+")) or bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if writes and isinstance(path, str | bytes):
            self._keep_inside("writing", path)

    def _keep_inside(self, what: str, path: Any) -> None:
        text = os.path.realpath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else ""
        if text and not text.startswith(self._inside) and text != os.devnull:
            self._refuse(f"{what} {text[-80:]}")

    def _refuse(self, what: str) -> None:
        if what not in self.refused:
            self.refused.append(what)
        raise TrialRefusal(f"{ALLOWED_NOT} {what}.")


class TrialRefusal(AquatintError, PermissionError):  # noqa: N818  an extension sees it as the system's refusal
    """An extension on trial wanted out of its folder."""
