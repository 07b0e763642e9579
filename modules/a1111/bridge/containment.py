"""Containment: what an extension's code raises, how long it takes, and when it is set aside."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from modules.diffusion.errors import AquatintError
from modules.studio.files import write_atomically

from .host import host

log = logging.getLogger(__name__)

FOLDERS = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:)?[\\/](?:[^\s\\/'\"]+[\\/])+")
LONGEST_TRACEBACK = 6000
MOST_FAULTS = 3
"""With so many an extension is set aside until the owner turns it on again."""
GIVES_BACK = "on_script_unloaded"
"""The moment at which an extension takes back what it has put in others' places: told to those set aside as well."""
TOO_LONG = 120.0
"""Seconds after which a hook that has not ended is named. It cannot be ended: a thread has no end but its own."""


@dataclass
class Conduct:
    """What is known of one extension; all but the seconds outlasts the server."""

    on: bool = True
    """What the owner wants."""
    faults: int = 0
    """Since it was turned on."""
    set_aside: bool = False
    last_error: str = ""
    """Hook and error of its last fault, in a sentence."""
    traceback: str = ""
    """Where it happened, as Python writes it."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time spent in its own code since the start, by hook."""

    @property
    def runs(self) -> bool:
        return self.on and not self.set_aside

    @property
    def total_seconds(self) -> float:
        return sum(self.seconds.values())


@dataclass
class Stay:
    """One call into an extension, while it lasts."""

    extension: str
    hook: str
    resumed: float | None
    """time.monotonic() since when its own code runs; None while others' does."""
    spent: float = 0.0
    named: bool = False
    within: Stay | None = None
    """The call in whose own code it was made."""

    def seconds(self, now: float) -> float:
        """In its own code so far."""
        return self.spent + (now - self.resumed if self.resumed is not None else 0.0)

    def rest(self, now: float) -> None:
        """Others' code runs."""
        self.spent, self.resumed = self.seconds(now), None


class Containment:
    """Every call into an extension goes through `call` or `guard`."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._conduct: dict[str, Conduct] = {}
        self._stays: dict[int, list[Stay]] = {}
        """By thread, the innermost last."""
        self._lock = threading.RLock()
        self._watchdog: threading.Thread | None = None

    def open(self, file: Path) -> None:
        """Reads what is known from `file` and keeps it there from now on. A damaged file says nothing."""
        self._file, self._conduct = file, {}
        try:
            kept = json.loads(file.read_text("utf-8"))
            known = {row.name for row in fields(Conduct)} - {"seconds"}
            for name, row in kept.items():
                self._conduct[name] = Conduct(**{key: value for key, value in row.items() if key in known})
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, AttributeError) as error:
            log.warning("%s cannot be read, all extensions are on: %s", file.name, error)

    def close(self) -> None:
        """Forgets everything."""
        self._file, self._conduct = None, {}

    def conduct(self, extension: str) -> Conduct:
        """What is known of an extension; nothing bad, if nothing is."""
        with self._lock:
            return self._conduct.setdefault(extension, Conduct())

    def begin_off(self, extension: str) -> None:
        """One of which nothing is known is off until the owner turns it on."""
        with self._lock:
            self._conduct.setdefault(extension, Conduct(on=False))

    def turn(self, extension: str, on: bool) -> None:
        """What the owner wants; turned on, it begins again without faults. Raises: AquatintError."""
        conduct = self.conduct(extension)
        with self._lock:
            conduct.on, conduct.set_aside = on, False
            conduct.faults = 0 if on else conduct.faults
        self._keep()

    def set_aside(self, extension: str, hook: str, error: BaseException) -> None:
        """For a fault that would keep the program from starting each time."""
        conduct = self.conduct(extension)
        with self._lock:
            conduct.faults, conduct.set_aside = max(conduct.faults, MOST_FAULTS - 1), True
        self._fault(extension, hook, error, counts=True)

    def call(self, extension: str, hook: str, function: Callable[..., Any], *args: Any, **words: Any) -> Any:
        """What `function` returns; None when it raises, and when the extension is set aside."""
        if not self.conduct(extension).runs and hook != GIVES_BACK:
            return None
        result = None
        with self.guard(extension, hook):
            result = function(*args, **words)
        return result

    @contextmanager
    def guard(
        self, extension: str, hook: str, tells: tuple[type[BaseException], ...] = (), *, counts: bool = True
    ) -> Iterator[Stay]:
        """What is raised within ends here and is a fault, which `counts`, whatever it is; but for the kinds in `tells`,
        which a script raises to tell the person something."""
        stay = self._enter(extension, hook)
        try:
            yield stay
        except tells:
            raise
        except BaseException as error:  # noqa: BLE001  SystemExit too: an extension ends no server
            self._fault(extension, hook, error, counts)
        finally:
            self._leave(stay)

    @contextmanager
    def out(self) -> Iterator[None]:
        """While the block lasts the program's own code runs, in the middle of an extension's."""
        stays = self._stays.get(threading.get_ident(), [])
        stay = stays[-1] if stays else None
        if stay is not None:
            stay.rest(time.monotonic())
        try:
            yield
        finally:
            if stay is not None:
                stay.resumed = time.monotonic()

    @property
    def current(self) -> str:
        """The extension whose code the calling thread is in; "" outside of any."""
        stays = self._stays.get(threading.get_ident())
        return stays[-1].extension if stays else ""

    # Hanging

    def watch(self, every: float = 5.0) -> None:
        """Names hooks that hang, from a thread of its own; started once."""
        if self._watchdog is None:
            self._watchdog = threading.Thread(target=self._watch, args=[every], name="extensions", daemon=True)
            self._watchdog.start()

    def overdue(self, now: float) -> list[Stay]:
        """The calls that have been in their own code for too long and were not named yet."""
        with self._lock:
            stays = [stay for stays in self._stays.values() for stay in stays]
        found = [stay for stay in stays if not stay.named and stay.seconds(now) > TOO_LONG]
        for stay in found:
            stay.named = True
        return found

    def _watch(self, every: float) -> None:
        pause = threading.Event()
        while True:
            pause.wait(every)
            for stay in self.overdue(time.monotonic()):
                text = f"The extension {stay.extension} has not come back from {stay.hook} for {TOO_LONG:.0f} seconds."
                log.warning(text)
                job = host.job
                if job is not None:
                    job.comment(text)

    def _enter(self, extension: str, hook: str) -> Stay:
        now = time.monotonic()
        with self._lock:
            stays = self._stays.setdefault(threading.get_ident(), [])
            outer = stays[-1] if stays and stays[-1].resumed is not None else None
            if outer is not None:
                outer.rest(now)
            stay = Stay(extension, hook, now, within=outer)
            stays.append(stay)
        return stay

    def _leave(self, stay: Stay) -> None:
        now, thread = time.monotonic(), threading.get_ident()
        conduct = self.conduct(stay.extension)
        with self._lock:
            conduct.seconds[stay.hook] = conduct.seconds.get(stay.hook, 0.0) + stay.seconds(now)
            stays = self._stays[thread]
            stays.remove(stay)
            if stay.within is not None:
                stay.within.resumed = now
            if not stays:
                del self._stays[thread]

    # Faults

    def _fault(self, extension: str, hook: str, error: BaseException, counts: bool) -> None:
        log.error("The extension %s failed in %s", extension, hook, exc_info=error)
        conduct = self.conduct(extension)
        with self._lock:
            conduct.faults += counts
            if not counts and conduct.last_error:
                return  # what comes of a fault says less than the fault
            conduct.last_error = f"{hook}: {type(error).__name__}: {_first_line(error)}"
            conduct.traceback = _where(error)
            aside = conduct.faults >= MOST_FAULTS and not conduct.set_aside
            conduct.set_aside = conduct.set_aside or aside
        job = host.job_here
        if job is not None:
            job.comment(f"The extension {extension} failed in {hook} ({_told(error)}); the picture is without it.")
            if aside:
                job.comment(f"The extension {extension} failed {MOST_FAULTS} times and is set aside.")
        try:
            self._keep()
        except AquatintError as problem:  # a full disk must not cost the picture
            log.warning("The faults of extensions cannot be kept: %s", problem)

    def _keep(self) -> None:
        if self._file is None:
            return
        with self._lock:
            rows = {name: asdict(row) for name, row in self._conduct.items()}
        kept = {name: {key: value for key, value in row.items() if key != "seconds"} for name, row in rows.items()}
        write_atomically(self._file, json.dumps(kept, indent=2).encode())


def _where(error: BaseException) -> str:
    """The end of its traceback."""
    try:
        return "".join(traceback.format_exception(error))[-LONGEST_TRACEBACK:]
    except BaseException:  # noqa: BLE001  its own words may raise too
        return ""


def _told(error: BaseException) -> str:
    """To whoever asked for the picture: what kind it is and what it says, no folder of the server named."""
    kind, text = type(error).__name__, FOLDERS.sub("", _first_line(error)).rstrip(".")
    return f"{kind}: {text}" if text else kind


def _first_line(error: BaseException) -> str:
    """Of what it says, in short; an error's own words may raise too. Who draws a frame around another error's words has
    that one behind it."""
    try:
        behind = error.__cause__ or error.__context__
        if "\n" in str(error).strip() and behind is not None:
            return _first_line(behind)
        return str(error).strip().partition("\n")[0][:300]
    except BaseException:  # noqa: BLE001  as above
        return ""


containment = Containment()
"""The one there is; callbacks and scripts are called from everywhere."""
