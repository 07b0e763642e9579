"""What A1111's words stand on: the studio, bound once before any extension is loaded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from modules.diffusion.errors import AquatintError

if TYPE_CHECKING:
    from modules.diffusion.model import Model
    from modules.studio.app import App
    from modules.studio.job import Job


class NoStudioError(AquatintError):
    """A word of A1111's was used before there was a studio."""


class Host:
    """The studio that `shared`, `processing` and the others speak for, and what is at work in it."""

    def __init__(self) -> None:
        self._app: App | None = None
        self._job: Job | None = None
        self._thread = 0
        self.model: Model | None = None
        """The model that is leased for it, while one is."""
        self.p: Any = None
        """Its face, in A1111's words."""

    @property
    def job(self) -> Job | None:
        """The job on the engine's thread, while there is one; to be set on that thread."""
        return self._job

    @job.setter
    def job(self, job: Job | None) -> None:
        self._job, self._thread = job, threading.get_ident()

    @property
    def job_here(self) -> Job | None:
        """The job that the calling thread works on; pages and routes, on other threads, see none."""
        return self._job if self._thread == threading.get_ident() else None

    @property
    def app(self) -> App:
        """Raises: NoStudioError."""
        if self._app is None:
            raise NoStudioError("There is no studio yet: extensions are loaded after it is opened.")
        return self._app

    @property
    def is_bound(self) -> bool:
        """Whether `app` may be asked for."""
        return self._app is not None

    def bind(self, app: App) -> None:
        """From now on the words speak for this studio."""
        self._app = app

    def release(self) -> None:
        """Forgets the studio."""
        self._app, self.job, self.model, self.p = None, None, None, None


host = Host()
"""The one that all words share: extensions import words by name, so they can be handed none."""
