"""A1111's `modules.progress`: the tasks of extensions' own buttons. Jobs are followed in the engine's queue."""

from __future__ import annotations

import random
import string
import time
from collections import OrderedDict
from typing import Any

from pydantic import BaseModel

from .bridge.host import host

pending_tasks: OrderedDict[str, float] = OrderedDict()
finished_tasks: list[str] = []
recorded_results: list[tuple[str, Any]] = []
KEPT = 16


class Running:
    """The task at work."""

    def __init__(self) -> None:
        self.task: str | None = None


running = Running()


def __getattr__(name: str) -> Any:
    if name == "current_task":
        return running.task
    raise AttributeError(f"modules.progress has no {name}")


class ProgressRequest(BaseModel):
    """What the page asks."""

    id_task: str | None = None
    id_live_preview: int = -1
    live_preview: bool = True


class ProgressResponse(BaseModel):
    """What it is told."""

    active: bool = False
    queued: bool = False
    completed: bool = False
    progress: float | None = None
    eta: float | None = None
    live_preview: str | None = None
    id_live_preview: int | None = None
    textinfo: str | None = None


def create_task_id(task_type: str) -> str:
    """A new name."""
    letters = string.ascii_uppercase + string.digits
    return f"task({task_type}-{''.join(random.choices(letters, k=7))})"


def add_task_to_queue(id_job: str) -> None:
    """It waits."""
    pending_tasks[id_job] = time.time()


def start_task(id_task: str | None) -> None:
    """It is at work."""
    running.task = id_task
    if id_task is not None:
        pending_tasks.pop(id_task, None)


def finish_task(id_task: str | None) -> None:
    """It is over."""
    if running.task == id_task:
        running.task = None
    if id_task is not None:
        pending_tasks.pop(id_task, None)
        finished_tasks.append(id_task)
        del finished_tasks[:-KEPT]


def record_results(id_task: str | None, res: Any) -> None:
    """What came of it."""
    if id_task is not None:
        recorded_results.append((id_task, res))
        del recorded_results[:-2]


def restore_progress(id_task: str) -> Any:
    """What came of a task that is over, waiting for one that is not."""
    while id_task == running.task or id_task in pending_tasks:
        time.sleep(0.1)
    return next((result for name, result in recorded_results if name == id_task), None)


def progressapi(req: ProgressRequest) -> ProgressResponse:
    """How far a task is."""
    active, queued = req.id_task == running.task, req.id_task in pending_tasks
    told = ProgressResponse(active=active, queued=queued, completed=req.id_task in finished_tasks)
    job = host.job
    if active and job is not None:
        told.progress, told.eta, told.textinfo = job.progress.fraction, job.progress.eta, job.progress.stage
    return told


def setup_progress_api(app: Any) -> None:
    """The route is there."""
