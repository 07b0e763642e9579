"""A1111's `modules.shared_state`: what the running job is doing, and the way to interrupt it."""

from __future__ import annotations

import io
import threading
import time
from datetime import datetime
from typing import Any

from PIL import Image

from modules.studio.job import Job

from .bridge.host import host

QUALITY = 80
"""Of the JPEG that the page shows as a preview."""
OF_THE_JOB = ("interrupted", "skipped")


class State:
    """A face of the running job. What an extension writes that the job has no place for is kept until the next job;
    between jobs it is the state of whatever an extension does on its own."""

    stopping_generation = False
    processing_has_refined_job_count = False
    oom = False
    need_restart = False
    id_live_preview = 0
    current_image_sampling_step = 0

    def __init__(self) -> None:
        self.server_start: float | None = time.time()
        self._written: dict[str, Any] = {}
        self._owner: str | None = None
        self._signal = threading.Condition()
        self._server_command: str | None = None

    # Server commands

    @property
    def server_command(self) -> str | None:
        """What the server was asked for and has not yet done."""
        return self._server_command

    @server_command.setter
    def server_command(self, value: str | None) -> None:
        with self._signal:
            self._server_command = value
            self._signal.notify_all()

    def wait_for_server_command(self, timeout: float | None = None) -> str | None:
        """The next command, which is then taken as done; None after `timeout` seconds."""
        with self._signal:
            self._signal.wait_for(lambda: self._server_command is not None, timeout)
            command, self._server_command = self._server_command, None
            return command

    def request_restart(self) -> None:
        """Ends the running job and asks for a restart."""
        self.interrupt()
        self.server_command = "restart"

    # Interrupting

    def interrupt(self) -> None:
        """Ends the job within one call of the model."""
        self.interrupted = True

    def skip(self) -> None:
        """Ends the batch within one call of the model."""
        self.skipped = True

    def stop_generating(self) -> None:
        """Ends the job."""
        self.stopping_generation = True
        self.interrupt()

    # What an extension says of its own work

    def begin(self, job: str = "(unknown)") -> None:
        """Work begins; inside a job this changes nothing but the words about it."""
        self._belong()
        self._written.clear()
        self._written["job"] = job
        self._written["time_start"] = time.time()
        self._written["job_timestamp"] = datetime.now().astimezone().strftime("%Y%m%d%H%M%S")
        if host.job is None:
            self._written |= {"interrupted": False, "skipped": False}
        self.stopping_generation = False

    def end(self) -> None:
        """The work is over; inside a job the job goes on."""
        self._written.clear()

    def nextjob(self) -> None:
        """One part of the work is done."""
        self._belong()
        self._written["job_no"] = self.__getattr__("job_no") + 1
        self.sampling_step = 0
        self.current_image_sampling_step = 0

    def assign_current_image(self, image: Image.Image) -> None:
        """Shows a picture as the job's preview."""
        self._written["current_image"] = image
        job = host.job
        if job is not None:
            file = io.BytesIO()
            image.convert("RGB").save(file, "JPEG", quality=QUALITY)
            job.report(preview=file.getvalue(), preview_id=job.progress.preview_id + 1)
        self.id_live_preview += 1

    def set_current_image(self) -> None:
        """Previews are made as the options say."""

    def do_set_current_image(self) -> None:
        """The same."""

    def dict(self) -> dict[str, Any]:
        """The state as A1111's progress route tells it."""
        names = ("skipped", "interrupted", "stopping_generation", "job", "job_count", "job_timestamp", "job_no")
        return {name: getattr(self, name) for name in (*names, "sampling_step", "sampling_steps")}

    # The face

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in READ:
            raise AttributeError(f"state has no {name}")
        self._belong()
        job = host.job
        if name in OF_THE_JOB and job is not None:
            return getattr(job, name)
        if name in self._written:
            return self._written[name]
        return READ[name](job)

    def __setattr__(self, name: str, value: Any) -> None:
        job = host.job
        if name in OF_THE_JOB and job is not None:
            setattr(job, name, bool(value))
        elif name == "textinfo" and job is not None:
            job.report(stage=str(value or ""))
        elif name == "current_image" and value is not None:
            self.assign_current_image(value)
        elif name in READ:
            self._belong()
            self._written[name] = value
        else:
            super().__setattr__(name, value)

    def _belong(self) -> None:
        """What was written during another job is forgotten."""
        id = host.job.id if host.job is not None else None
        if id != self._owner:
            self._owner = id
            self._written.clear()


def _job_words(job: Job | None) -> str:
    now = job.progress if job else None
    return f"Batch {now.batch + 1} out of {max(1, now.batches)}" if now else ""


def _preview(job: Job | None) -> Image.Image | None:
    data = job.progress.preview if job else None
    return Image.open(io.BytesIO(data)) if data else None


READ: dict[str, Any] = {
    "interrupted": lambda job: False,
    "skipped": lambda job: False,
    "job": _job_words,
    "job_no": lambda job: job.progress.batch if job else 0,
    "job_count": lambda job: max(1, job.progress.batches) if job else 0,
    "job_timestamp": lambda job: job.id if job else "0",
    "sampling_step": lambda job: job.progress.step if job else 0,
    "sampling_steps": lambda job: job.progress.steps if job else 0,
    "current_latent": lambda job: None,
    "current_image": _preview,
    "textinfo": lambda job: job.progress.stage if job else None,
    "time_start": lambda job: None,
}
"""How an attribute reads when nobody has written it."""
