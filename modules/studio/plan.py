"""The plan of a request: what would run, with what, for how long and when, before it runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from modules.diffusion.errors import AquatintError
from modules.diffusion.forecast import Work
from modules.diffusion.hardware import free_memory
from modules.diffusion.prompt_parts import LORA_KINDS, read_prompt
from modules.studio.record import CHECKPOINTS
from modules.studio.request import Request, Txt2Img
from modules.studio.resolve import resolve
from modules.studio.settings import Options

if TYPE_CHECKING:
    from modules.studio.app import App
    from modules.studio.queue import QueueRow

REMEMBERED = 60
"""Jobs that an estimate looks back upon."""


class Wanted(NamedTuple):
    """A network that the prompt names."""

    kind: str
    name: str
    found: bool


class Past(NamedTuple):
    """How long a job took that ended well."""

    checkpoint: str
    size: tuple[int, int]
    """Of the finished pictures."""
    work: float
    seconds: float


@dataclass(frozen=True)
class Plan:
    """What is known before the job runs; None where nobody can know."""

    prompt: str
    negative_prompt: str
    checkpoint: str
    vae: str
    sampler_name: str
    scheduler: str
    width: int
    height: int
    """Of the finished pictures."""
    steps: int
    """Of all pictures and passes."""
    images: int
    networks: tuple[Wanted, ...]
    loads: tuple[str, ...]
    """Checkpoints that are not in memory yet."""
    seconds: float | None
    """By like jobs on this machine; loading comes on top."""
    peak_memory: int | None
    """Bytes that its networks need at once, by a forecast."""
    memory: int
    """Bytes that the device has in all."""
    ahead: int
    """Jobs that may run before, if nobody adds one."""

    @property
    def sentence(self) -> str:
        """The parts that a person may want to act upon, in one line."""
        missing = [f"no {row.kind} called {row.name:.40}" for row in self.networks if not row.found]
        short = f"more memory than the {_gigabytes(self.memory)} that are here" if self._is_too_large else ""
        peak = f"needs {_gigabytes(self.peak_memory)} of memory" if self.peak_memory else ""
        pictures = f"{self.images} pictures" if self.images > 1 else ""
        time = "time not known yet" if self.seconds is None else f"about {_duration(self.seconds)}"
        loads = f"loads {', '.join(name.rpartition('/')[2] for name in self.loads)} first" if self.loads else ""
        ahead = f"{self.ahead} job{'s' if self.ahead > 1 else ''} ahead" if self.ahead else ""
        told = " · ".join(filter(None, [*missing, short, pictures, time, peak, loads, ahead]))
        return told[0].upper() + told[1:]

    @property
    def _is_too_large(self) -> bool:
        return self.peak_memory is not None and self.peak_memory > self.memory


def plan_of(app: App, request: Request, owner: str, options: Options) -> Plan:
    """The plan of a job that `owner` would submit now. Nothing is queued, loaded or read from the disk but headers.

    Raises: AquatintError where submitting would.
    """
    resolved, options = resolve(request, options, app.store, app.styles, app.upscalers, app.faces)
    past = [told for row in app.queue.rows(None, ["done"], limit=REMEMBERED) if (told := _past(row)) is not None]
    names = dict.fromkeys([options.sd_model_checkpoint, *_further_checkpoints(resolved)])
    networks = tuple(_networks(app, resolved, options))
    fields = resolved.model_dump()
    width, height = final_size(fields)
    sizes, rows = ((resolved.width, resolved.height), (width, height)), _rows(app, resolved)
    rewritten = any(network.found for network in networks)
    works = [Work(app.store.find(name), sizes, rows, rewritten) for name in names]
    return Plan(
        prompt=resolved.prompt,
        negative_prompt=resolved.negative_prompt,
        checkpoint=options.sd_model_checkpoint,
        vae=options.sd_vae,
        sampler_name=resolved.sampler_name or "",
        scheduler=resolved.scheduler or "",
        width=width,
        height=height,
        steps=_steps(resolved),
        images=resolved.n_iter * resolved.batch_size,
        networks=networks,
        loads=tuple(name for name in names if name not in app.store.loaded),
        seconds=estimate(past, options.sd_model_checkpoint, (width, height), work(fields)),
        peak_memory=app.forecasts.peak(works),
        memory=free_memory(app.hardware.device).total,
        ahead=_ahead(app, owner),
    )


def estimate(past: Sequence[Past], checkpoint: str, size: tuple[int, int], work: float) -> float | None:
    """Seconds, by what jobs of that checkpoint took for their work: those of the same size if there are any.

    The quicker quarter of them counts: the others loaded a model besides, or had not the machine for themselves.
    """
    own = [job for job in past if job.checkpoint == checkpoint and job.work > 0]
    like = [job for job in own if job.size == size] or own
    paces = sorted(job.seconds / job.work for job in like)
    return work * paces[(len(paces) - 1) // 4] if paces else None


def work(request: Mapping[str, Any]) -> float:
    """Calls of the network, weighed by pixels: of the images, their steps, both passes, with and without guidance."""
    images = request["n_iter"] * request["batch_size"]
    guided = 1 if request["cfg_scale"] == 1 else 2
    first = request["steps"] * request["width"] * request["height"] * guided
    if not request.get("enable_hr"):
        return float(images * first)
    width, height = final_size(request)
    share = request["denoising_strength"] * (request["hr_second_pass_steps"] or request["steps"])
    return float(images * (first + share * width * height * guided))


def final_size(request: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height of the finished pictures."""
    if request.get("enable_hr"):
        return Txt2Img.model_validate(dict(request)).hires_size.final
    return request["width"], request["height"]


def _rows(app: App, request: Request) -> int:
    """Images and prompts in one call of the network: on the CPU an image at a time."""
    guided = 1 if request.cfg_scale == 1 else 2
    return guided if app.hardware.is_cpu else guided * request.batch_size


def _past(row: QueueRow) -> Past | None:
    request = json.loads(row.request)
    if row.kind in ("extras", "folder", "merge") or row.started is None or row.ended is None:
        return None
    try:
        size, done = final_size(request), work(request)
    except (KeyError, TypeError, ValueError):  # written by a version whose requests had other fields
        return None
    return Past(json.loads(row.options).get("sd_model_checkpoint", ""), size, done, row.ended - row.started)


def _further_checkpoints(request: Request) -> list[str]:
    return [name for field in CHECKPOINTS if (name := getattr(request, field, None))]


def _steps(request: Request) -> int:
    second = request.hr_second_pass_steps if isinstance(request, Txt2Img) and request.enable_hr else 0
    return request.n_iter * (request.steps + second)


def _networks(app: App, request: Request, options: Options) -> list[Wanted]:
    asked = read_prompt(request.prompt, comments=options.enable_prompt_comments).networks
    named = dict.fromkeys((network.kind, network.name) for network in asked)
    return [Wanted(kind, name, kind in LORA_KINDS and _has(app, name)) for kind, name in named]


def _has(app: App, name: str) -> bool:
    try:
        app.loras.find(name)
    except AquatintError:
        return False
    return True


def _ahead(app: App, owner: str) -> int:
    """Owners take turns: before a job of theirs runs, so do their own, and as many and one more of each other's."""
    owners = Counter(row.owner for row in app.queue.rows(None, ["queued"], limit=None))
    own = owners.pop(owner, 0)
    return own + sum(min(count, own + 1) for count in owners.values()) + (app.engine.running is not None)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
