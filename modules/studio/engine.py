"""The engine runs jobs: one worker thread, fed by the queue on disk."""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modules.diffusion.errors import AquatintError
from modules.diffusion.store import ModelStore
from modules.studio.extras import ExtrasRecipe, resolve_extras
from modules.studio.face_restoring import FaceRestorers
from modules.studio.folder_batch import FolderRecipe, resolve_folder
from modules.studio.gallery import Gallery
from modules.studio.hooks import Chain, Hooks
from modules.studio.job import ENDED, Job, Progress, State
from modules.studio.merger import MergerRecipe, resolve_merge
from modules.studio.own_options import OwnOptions
from modules.studio.queue import Queue, QueueRow
from modules.studio.recipe import Recipe
from modules.studio.request import Extras, FolderBatch, Merging, Request, read_request
from modules.studio.resolve import checkpoint_name, resolve
from modules.studio.settings import Options
from modules.studio.styles import Styles
from modules.studio.uploads import Uploads
from modules.studio.upscaling import Upscalers

log = logging.getLogger(__name__)

REMEMBERED = 200
"""Ended jobs whose progress stays in memory; older ones are told from the queue's table."""


@dataclass(frozen=True)
class Ticket:
    """The receipt of a submitted job. Iterate it for news; the last item is the end."""

    job: Job

    @property
    def id(self) -> str:
        return self.job.id

    def __iter__(self) -> Iterator[Progress]:
        seen: Progress | None = None
        while seen is None or seen.state not in ENDED:
            with self.job.news:
                self.job.news.wait_for(lambda last=seen: self.job.progress is not last)  # type: ignore[misc]
                seen = self.job.progress
            yield seen

    def wait(self, timeout: float | None = None) -> Progress:
        """The progress at the end of the job, or after `timeout` seconds."""
        with self.job.news:
            self.job.news.wait_for(lambda: self.job.progress.state in ENDED, timeout)
            return self.job.progress


class Engine:
    """Accepts jobs at any time and runs them one after another on its own thread.

    torch's inference mode is per thread, and an extension may start a job from inside a hook: with one thread that
    touches models both are safe without a lock.
    """

    def __init__(
        self,
        queue: Queue,
        store: ModelStore,
        gallery: Gallery,
        uploads: Uploads,
        own_options: OwnOptions,
        styles: Styles,
        upscalers: Upscalers,
        faces: FaceRestorers,
        hooks: Sequence[Hooks] = (),
    ) -> None:
        self.queue, self.store, self.gallery, self.uploads = queue, store, gallery, uploads
        self.own_options, self.styles, self.upscalers, self.faces = own_options, styles, upscalers, faces
        self.hooks: list[Hooks] = list(hooks)
        self.running: Job | None = None
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._work_to_do = threading.Event()
        self._load_ahead = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Takes up what waits in the queue, then works until `stop`."""
        for row in self.queue.rows(states=("queued",), limit=None):
            self._remember(_job_of(row))
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()
        self._work_to_do.set()

    def warm_up(self) -> None:
        """Loads the chosen checkpoint once nobody waits, so that the first picture comes as fast as the second."""
        self._load_ahead.set()
        self._work_to_do.set()

    def stop(self, timeout: float = 10, patience: float = 0.5) -> bool:
        """Stops within one step; a job that was running goes back to the queue, to be run again from its start.

        Waits `timeout` seconds for the end of a job, `patience` for that of a checkpoint that is only loaded ahead.
        False when the worker has not ended by then; it dies with the process.
        """
        self._stopping.set()
        running = self.running
        if running is not None:
            running.interrupted = True
        self._work_to_do.set()
        if self._thread is None:
            return True
        self._thread.join(patience if running is None else timeout)
        return not self._thread.is_alive()

    # What people ask for

    def submit(
        self, request: Request, owner: str, options: Options | None = None, kept: Mapping[str, Any] | None = None
    ) -> Ticket:
        """Resolves `request`, writes it to disk, and only then answers. `kept` is for hooks, while the server lives.

        Raises: AquatintError when it cannot be run as it is; then nothing is queued.
        """
        request, options = self._settled(request, options or self.own_options.of(owner))
        for picture in request.uploads():
            self.uploads.require(picture, owner)
        row = QueueRow(
            id=uuid.uuid4().hex,
            owner=owner,
            kind=request.kind,
            request=request.model_dump_json(),
            options=options.model_dump_json(),
        )
        job = _job_of(row)
        job.kept |= kept or {}
        self._remember(job)
        self.queue.add(row)
        self._work_to_do.set()
        return Ticket(job)

    def interrupt(self, job_id: str, owner: str) -> bool:
        """Ends the running job within one call of the model; False if it is not the owner's or does not run."""
        job = self._running_of(job_id, owner)
        if job is not None:
            job.interrupted = True
        return job is not None

    def skip(self, job_id: str, owner: str) -> bool:
        """Ends the running batch and goes on with the next; False if it is not the owner's or does not run."""
        job = self._running_of(job_id, owner)
        if job is not None:
            job.skipped = True
        return job is not None

    def cancel(self, job_id: str, owner: str) -> bool:
        """Takes a waiting job out of the queue, or interrupts it when it runs."""
        if self.queue.cancel(job_id, owner):
            job = self.job(job_id)
            if job is not None:
                job.report(state="cancelled")
            return True
        return self.interrupt(job_id, owner)

    def pause(self, paused: bool) -> None:
        """While paused the running job goes on to its end and no other begins."""
        self.queue.pause(paused)
        self._work_to_do.set()

    # What people look at

    def job(self, job_id: str) -> Job | None:
        """A job that waits, runs, or ended not long ago."""
        with self._lock:
            return self._jobs.get(job_id)

    def progress(self, job_id: str) -> Progress | None:
        """How far a job is, also one that ended before the server was started; None if there is no such job."""
        job = self.job(job_id)
        if job is not None:
            return job.progress
        row = self.queue.get(job_id)
        if row is None:
            return None
        images, comments = tuple(self.gallery.of_job(job_id)), self.queue.comments(job_id)
        return Progress(state=row.state, error=row.error, images=images, comments=comments)

    # The worker thread

    def _work(self) -> None:
        while not self._stopping.is_set():
            row = self.queue.claim()
            if row is None:
                self._idle()
                continue
            job = self.job(row.id) or _job_of(row)
            job.attempt = row.attempts
            self._remember(job)
            self.running = job
            job.interrupted = job.interrupted or self._stopping.is_set()
            state, error = self._run(job)
            if self._stopping.is_set() and state == "cancelled":
                self.queue.requeue(job.id)
                state = "queued"
            else:
                self.queue.finish(job.id, state, error, job.progress.comments)
            self.running = None
            job.report(state=state, error=error, stage="", preview=None)

    def _idle(self) -> None:
        if self._load_ahead.is_set():
            self._load_ahead.clear()
            try:
                options = self.own_options.settings.options
                with self.store.lease(checkpoint_name(options, self.store), options.sd_vae):
                    pass
            except AquatintError as error:
                log.warning("Nothing is loaded yet: %s", error)
        self._work_to_do.wait(timeout=1)
        self._work_to_do.clear()

    def _run(self, job: Job) -> tuple[State, str]:
        """Runs one job to its end, whatever happens in it; the server lives."""
        started = time.monotonic()
        self.store.keep = self.own_options.settings.options.sd_checkpoints_limit
        job.report(state="running", stage="starting")
        try:
            self._recipe_of(job).run()
        except AquatintError as error:
            log.warning("Job %s failed: %s", job.id, error)
            return "failed", str(error)
        except Exception as error:  # a hook or a library may raise anything: only this job fails
            log.exception("Job %s failed", job.id)
            return "failed", _in_plain_words(error, job)
        log.info("Job %s: %d pictures in %.1f s", job.id, len(job.progress.images), time.monotonic() - started)
        return ("cancelled" if job.interrupted else "done"), ""

    def _settled(self, request: Request, options: Options) -> tuple[Request, Options]:
        """A request without blanks, as the hooks agree to it, and its options. Raises: AquatintError."""
        if isinstance(request, Extras):
            request, options = resolve_extras(request, options, self.upscalers, self.faces)
        elif isinstance(request, Merging):
            request, options = resolve_merge(request, options, self.store)
        elif isinstance(request, FolderBatch):
            request, options = resolve_folder(request, options, self._settled)
        else:
            request, options = resolve(request, options, self.store, self.styles, self.upscalers, self.faces)
        return Chain(self.hooks).asked(request), options

    def _recipe_of(self, job: Job) -> Recipe | ExtrasRecipe | FolderRecipe | MergerRecipe:
        if isinstance(job.request, Extras):
            return ExtrasRecipe(job, self.gallery, self.uploads, self.upscalers, self.faces, self.hooks)
        if isinstance(job.request, Merging):
            return MergerRecipe(job, self.store)
        if isinstance(job.request, FolderBatch):
            return FolderRecipe(job, self.gallery, self._settled, self._painting)
        return self._painting(job)

    def _painting(self, job: Job) -> Recipe:
        return Recipe(job, self.store, self.gallery, self.uploads, self.upscalers, self.hooks)

    def _running_of(self, job_id: str, owner: str) -> Job | None:
        running = self.running
        return running if running is not None and (running.id, running.owner) == (job_id, owner) else None

    def _remember(self, job: Job) -> None:
        with self._lock:
            self._jobs[job.id] = job
            ended = [id for id, old in self._jobs.items() if old.progress.state in ENDED]
            for id in ended[:-REMEMBERED]:
                del self._jobs[id]


def _job_of(row: QueueRow) -> Job:
    return Job(
        id=row.id,
        owner=row.owner,
        request=read_request(row.kind, json.loads(row.request)),
        options=Options.model_validate_json(row.options),
    )


def _in_plain_words(error: Exception, job: Job) -> str:
    """What a person can do about an error that nobody foresaw. Its own text stays in the log: it may hold paths."""
    if type(error).__name__ == "OutOfMemoryError" or isinstance(error, MemoryError):
        return "Out of memory. Try a smaller size or batch, or start with --medvram or --lowvram."
    return f"Something went wrong ({type(error).__name__}). The log of the server says more, under job {job.id}."
