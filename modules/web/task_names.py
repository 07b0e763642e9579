"""The names that clients give to their jobs (`force_task_id`), by which they ask for them again."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict

from modules.studio.engine import Engine
from modules.studio.job import Job

REMEMBERED = 200
NAME = re.compile(r"task\((.*)\)", re.DOTALL)


class TaskNames:
    """The newest names of each job; a job that was given none is called task(<its id>)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: OrderedDict[tuple[str, str], Job] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, name: str, job: Job) -> None:
        """Its owner called the job so."""
        if name:
            with self._lock:
                self._jobs[job.owner, name] = job
                while len(self._jobs) > REMEMBERED:
                    self._jobs.popitem(last=False)

    def find(self, name: str, owner: str) -> Job | None:
        """The owner's job of that name."""
        with self._lock:
            named = self._jobs.get((owner, name))
        match = NAME.fullmatch(name)
        job = named or (self._engine.job(match[1]) if match else None)
        return job if job is not None and job.owner == owner else None

    def name_of(self, job: Job) -> str:
        """The name it was given last, or its own."""
        with self._lock:
            names = [name for (_, name), known in self._jobs.items() if known is job]
        return names[-1] if names else f"task({job.id})"
