"""A request at work: the only mutable thing that hooks see."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modules.studio.request import Request
from modules.studio.settings import Options

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from modules.studio.canvas import Canvas
    from modules.studio.record import Made

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")
LOCAL = "local"
"""The owner of everything while no login is set."""


SHOWN_OUTSIDE = ("stage", "step", "steps", "started", "preview", "preview_id")
"""What of a job within another one is news of the outer one too."""


class Stopped(Exception):  # noqa: N818  not an error: somebody asked for it
    """The job was interrupted, or its batch skipped, between two calls of the model."""


@dataclass(frozen=True)
class SavedImage:
    """A finished picture as the gallery knows it; `id` is random and says nothing of the path."""

    id: str
    path: Path | None
    """None when the request asked not to save it: it then lives in memory with its job."""
    infotext: str
    seed: int
    width: int
    height: int


@dataclass(frozen=True)
class Destination:
    """Where a job's pictures go, if not where the options say."""

    folder: Path | None
    """None is where the options say."""
    name: str
    """What they are called, without an ending; a number follows where there is such a file already."""


@dataclass
class Batch:
    """The images that are sampled together."""

    index: int
    prompts: list[str]
    negative_prompts: list[str]
    seeds: list[int]
    subseeds: list[int]
    hr_prompts: list[str] = field(default_factory=list)
    """Of the second pass; one that is empty is as in the first."""
    hr_negative_prompts: list[str] = field(default_factory=list)
    canvas: Canvas | None = None
    """What its pass begins with, once that is prepared, and what is put around the result; to be replaced."""
    latents: Tensor | None = None
    """(B, C, h, w) once sampled and until decoded."""
    pixels: Tensor | None = None
    """(B, 3, H, W) in [-1, 1]: the latents decoded, where that was done before the last pass was over."""
    enlarge: Callable[[Tensor, Tensor | None], Tensor] | None = field(default=None, repr=False)
    """The second pass of hires fix, over latents or over pixels, while the batch is being sampled; None where there is
    to be none."""
    decode: Callable[[Tensor], Tensor] | None = field(default=None, repr=False)
    """What its latents are as pixels, by the model whose they are; from the first pass on."""
    denoised: Tensor | None = None
    """(B, C, h, w), the model's newest guess at the finished latents while sampling."""
    images: list[Image] = field(default_factory=list)


@dataclass(frozen=True)
class Progress:
    """What a watcher may know of a job at one moment; never mutated, always replaced."""

    state: State = "queued"
    stage: str = ""
    """What is happening, for people: "loading starter", "sampling", "decoding", "saving"."""
    step: int = 0
    steps: int = 0
    """Steps of the running batch, of all its passes."""
    batch: int = 0
    batches: int = 0
    started: float | None = None
    """time.monotonic() when sampling began."""
    preview: bytes | None = None
    """The newest live preview, a JPEG."""
    preview_id: int = 0
    images: tuple[SavedImage, ...] = ()
    grid: SavedImage | None = None
    """All images on one sheet, when there are several and the options ask for it."""
    error: str = ""
    comments: tuple[str, ...] = ()
    """What the person should know though the job goes on, in sentences."""

    @property
    def fraction(self) -> float:
        """Share of all steps done, 0 to 1."""
        if self.state in ENDED:
            return 1.0
        total = max(1, self.steps * self.batches)
        return min(1.0, (self.batch * self.steps + self.step) / total)

    @property
    def eta(self) -> float | None:
        """Seconds left, or None before the first step."""
        if self.started is None or self.fraction <= 0:
            return None
        return (time.monotonic() - self.started) * (1 - self.fraction) / self.fraction


@dataclass
class Wishes:
    """What people ask of a job while it runs; set from any thread."""

    interrupted: bool = False
    skipped: bool = False


@dataclass
class Job:
    """One request of one owner, from the queue to its last picture."""

    id: str
    owner: str
    request: Request
    """Resolved: nothing in it is blank. Hooks may replace it, never mutate it."""
    options: Options
    """The settings as they were when the job was submitted, with the request's overrides."""
    attempt: int = 1
    prompts: list[str] = field(default_factory=list)
    negative_prompts: list[str] = field(default_factory=list)
    hr_prompts: list[str] = field(default_factory=list)
    hr_negative_prompts: list[str] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    subseeds: list[int] = field(default_factory=list)
    extra_generation_params: dict[str, object] = field(default_factory=dict)
    """Further infotext entries, in the order of insertion. A list holds one for each image; a function is asked for
    that of an image by its number."""
    at_hand: dict[str, Image] = field(default_factory=dict, repr=False)
    """Pictures that hooks have put into the request, by the ids that they gave them; others are uploads."""
    init_hashes: tuple[str, ...] = ()
    """MD5 of the pixels of each picture that it begins with, where these are kept as files: A1111's names for them."""
    networks: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of each network that has taken part beside the checkpoint, by what it is ("upscaler 4x-Ultra")."""
    kept: dict[str, Any] = field(default_factory=dict, repr=False)
    """What hooks keep for as long as the job runs, by names of their own."""
    saved_before: dict[str, SavedImage] = field(default_factory=dict, repr=False)
    """What an earlier run of it, which ended with the server, has saved, by infotext: not to be saved twice."""
    scripts: list[str] = field(default_factory=list)
    """Titles of the scripts of extensions that were asked to take part."""
    outer: Job | None = field(default=None, repr=False)
    """The job of which a hook has begun this one, on the same thread: what is reported reaches its watchers."""
    first_batch: int | None = None
    """Which batch of the outer job the first one of this is; None where they do not count for the outer one."""
    destination: Destination | None = None
    made: Made | None = None
    """What makes its pictures; None until a model is leased for it."""
    progress: Progress = field(default_factory=Progress)
    wishes: Wishes = field(default_factory=Wishes)
    """Shared with the jobs within it."""
    news: threading.Condition = field(default_factory=threading.Condition, repr=False)
    """Notified with every report."""

    @property
    def interrupted(self) -> bool:
        """Once set, the job ends within one call of the model and keeps what is finished."""
        return self.wishes.interrupted

    @interrupted.setter
    def interrupted(self, value: bool) -> None:
        self.wishes.interrupted = value

    @property
    def keeps_samples(self) -> bool:
        """Whether its pictures are to be files, as far as the options and the request say."""
        return self.options.samples_save and not self.request.do_not_save_samples

    @property
    def skipped(self) -> bool:
        """Once set, the running batch ends and the next one begins."""
        return self.wishes.skipped

    @skipped.setter
    def skipped(self, value: bool) -> None:
        self.wishes.skipped = value

    def report(self, **changes: object) -> None:
        """Replaces the progress; readers on other threads see the old one or the new one, never a mixture."""
        with self.news:
            self.progress = dataclasses.replace(self.progress, **changes)  # type: ignore[arg-type]
            self.news.notify_all()
        if self.outer is not None:
            shown = {name: value for name, value in changes.items() if name in SHOWN_OUTSIDE}
            if self.first_batch is not None and "batch" in changes:
                shown["batch"] = self.first_batch + self.progress.batch
            self.outer.report(**shown)

    def check(self) -> None:
        """Raises: Stopped when somebody has interrupted the job or skipped its batch."""
        if self.interrupted or self.skipped:
            raise Stopped

    def further_entries(self, index: int) -> dict[str, object]:
        """What hooks have added to the infotext of the image number `index`."""
        return {name: _of_image(value, index) for name, value in self.extra_generation_params.items()}

    def comment(self, text: str) -> None:
        """Tells the person something once; the job goes on."""
        if self.outer is not None:
            self.outer.comment(text)
        elif text not in self.progress.comments:
            self.report(comments=(*self.progress.comments, text))


def _of_image(value: object, index: int) -> object:
    if isinstance(value, list):
        return value[index] if index < len(value) else None
    return value(index) if callable(value) else value
