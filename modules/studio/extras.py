"""The Extras: finished pictures made larger, by one upscaler or two mixed, and their faces restored, as one job."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.diffusion.tiles import Size
from modules.studio.face_restoring import CODEFORMER, GFPGAN, FaceRestorers
from modules.studio.filing import Filing
from modules.studio.gallery import Gallery
from modules.studio.hooks import Chain, Hooks
from modules.studio.image_files import PictureError, open_picture, read_parameters
from modules.studio.infotext import read_infotext
from modules.studio.infotext_entries import entry
from modules.studio.job import Job, Stopped
from modules.studio.picture_files import names_in
from modules.studio.request import Extras, RequestError
from modules.studio.settings import Options, with_overrides
from modules.studio.uploads import NoSuchUploadError, Uploads
from modules.studio.upscaling import NONE, Upscaler, Upscalers, refuse_too_large, tiles_of

Enlarge = Callable[[Image.Image, Upscaler, Size], Image.Image]
PART = "Postprocess part"
"""The entry that tells a further picture which was made of one from that itself."""


@dataclass(frozen=True)
class Enlargement:
    """What is asked of the Extras."""

    upscaler: Upscaler
    second: Upscaler
    second_share: float = 0
    """0 to 1, how much of the second upscaler's picture is mixed in."""
    factor: float = 2
    size: Size | None = None
    """Instead of the factor: the picture covers this size."""
    crop: bool = True
    """With a size: what stands over is cut off, on both sides alike."""

    @property
    def upscales(self) -> bool:
        """Whether pictures change at all."""
        return self.upscaler.name != NONE

    @property
    def second_upscales(self) -> bool:
        """Whether two upscalers are mixed."""
        return self.upscales and self.second.name != NONE and self.second_share > 0

    def apply(self, image: Image.Image, enlarge: Enlarge) -> tuple[Image.Image, dict[str, str]]:
        """The picture, and A1111's words for what was done to it. The first upscaler None leaves it as it is.

        Raises: RequestError when the result would be too large, and what `enlarge` raises.
        """
        if not self.upscales:
            return image, {}
        target = self.target(image.size)
        refuse_too_large(target)
        result = enlarge(image, self.upscaler, target)
        facts = {"Postprocess upscale to": f"{self.size[0]}x{self.size[1]}"} if self.size else {}
        facts = facts or {"Postprocess upscale by": f"{self.factor:g}"}
        facts["Postprocess upscaler"] = self.upscaler.name
        if self.second_upscales:
            result = Image.blend(result, enlarge(image, self.second, target), self.second_share)
            facts["Postprocess upscaler 2"] = self.second.name
        return self._cropped(result), facts

    def target(self, size: Size) -> Size:
        """The size that a picture of this size gets, before it is cropped."""
        width, height = size
        if self.size is None:
            return max(1, round(width * self.factor)), max(1, round(height * self.factor))
        factor = max(self.size[0] / width, self.size[1] / height)
        return max(self.size[0], round(width * factor)), max(self.size[1], round(height * factor))

    def _cropped(self, image: Image.Image) -> Image.Image:
        if self.size is None or not self.crop:
            return image
        left, top = (image.width - self.size[0]) // 2, (image.height - self.size[1]) // 2
        return image.crop((left, top, left + self.size[0], top + self.size[1]))


def enlargement(request: Extras, upscalers: Upscalers) -> Enlargement:
    """What the request asks for. Raises: AquatintError naming an upscaler that is not here."""
    return Enlargement(
        upscalers.find(request.upscaler_1),
        upscalers.find(request.upscaler_2),
        request.extras_upscaler_2_visibility,
        request.upscaling_resize,
        (request.upscaling_resize_w, request.upscaling_resize_h) if request.resize_mode else None,
        request.upscaling_crop,
    )


def restorers(request: Extras) -> list[tuple[str, float]]:
    """The face restorers that the request asks for, in A1111's order, and by how much each is mixed in."""
    asked = [(GFPGAN, request.gfpgan_visibility), (CODEFORMER, request.codeformer_visibility)]
    return [(name, share) for name, share in asked if share > 0]


def resolve_extras(
    request: Extras, options: Options, upscalers: Upscalers, faces: FaceRestorers
) -> tuple[Extras, Options]:
    """The request with names made canonical and its folder looked through, and the options it will run with.

    Raises: AquatintError naming the upscaler, file or folder that is not there; RequestError when there is no picture.
    """
    for name, _ in restorers(request):
        faces.find(name)
    wanted = enlargement(request, upscalers)
    changes: dict[str, object] = {"upscaler_1": wanted.upscaler.name, "upscaler_2": wanted.second.name}
    if request.input_dir:
        changes |= {"images": (), "files": names_in(request.input_dir, "input_dir")}
    elif not request.images:
        raise RequestError("Put in a picture first.", "images")
    options = with_overrides(options, request.override_settings)
    return request.model_copy(update={**changes, "override_settings": {}}), options


@dataclass(frozen=True)
class Source:
    """A picture as it comes, and what is written in it."""

    image: Image.Image
    infotext: str


@dataclass
class Work:
    """A picture of the Extras at work; hooks may change all of it."""

    image: Image.Image
    facts: dict[str, str] = field(default_factory=dict)
    """A1111's words for what was done, by label."""
    others: list[Image.Image] = field(default_factory=list)
    """Further pictures that were made of it, to be kept beside it."""


class ExtrasRecipe:
    """Runs one job of the Extras on the calling thread. No checkpoint is leased."""

    def __init__(
        self,
        job: Job,
        gallery: Gallery,
        uploads: Uploads,
        upscalers: Upscalers,
        faces: FaceRestorers,
        hooks: Sequence[Hooks] = (),
    ) -> None:
        assert isinstance(job.request, Extras)
        self.hooks = Chain(hooks)
        self.job, self.request = job, job.request
        self.gallery, self.uploads, self.upscalers, self.faces = gallery, uploads, upscalers, faces
        self._wanted = enlargement(self.request, upscalers)

    def run(self) -> None:
        """One picture that cannot be read does not end the job, unless there is no other. Raises: AquatintError."""
        job, made = self.job, self.gallery.of_job(self.job.id)
        count = len(self.request.files or self.request.images)
        job.prompts, job.negative_prompts, job.seeds = [""] * count, [""] * count, [-1] * count
        finished = sum(f"{PART}: " not in image.infotext for image in made)
        job.report(batches=count, batch=finished, images=tuple(made), started=time.monotonic())
        problem: AquatintError | None = None
        for index in range(finished, count):
            if job.interrupted:
                break
            job.skipped = False
            try:
                self._picture(index)
            except Stopped:
                pass
            except (PictureError, NoSuchUploadError, RequestError) as error:
                problem = error
                job.comment(f"{self._name(index)}: {error}" if count > 1 else str(error))
            job.report(batch=index + 1, step=0)
        if problem is not None and not job.progress.images:
            raise problem

    def _picture(self, index: int) -> None:
        job = self.job
        job.report(stage=f"upscaling {self._name(index)}".rstrip())
        source = self._source(index)
        work = Work(source.image)
        self.hooks.extras_begin(job, work)
        work.image, facts = self._wanted.apply(work.image, self._enlarge)
        work.facts |= facts
        for name, share in restorers(self.request):
            work.image, facts = self._restore(work.image, name, share, index)
            work.facts |= facts
        self.hooks.extras_end(job, work)
        job.report(stage="saving")
        job.seeds[index] = _seed_in(source.infotext)
        wanted = not self.request.do_not_save_samples
        parts = [({PART: str(number)}, image) for number, image in enumerate(work.others, start=2)]
        for part, image in (*parts, ({}, work.image)):  # the picture itself last: it tells that all are kept
            done = _words({**work.facts, **part})
            saved = self.gallery.keep(Filing(image, source.infotext), job, index, saved=wanted, done=done)
            job.report(images=(*job.progress.images, saved))

    def _restore(self, image: Image.Image, name: str, share: float, index: int) -> tuple[Image.Image, dict[str, str]]:
        """The picture with its faces restored, and A1111's words for it."""
        self.job.report(stage=f"restoring faces {self._name(index)}".rstrip())
        self.job.check()
        weight = self.request.codeformer_weight
        result, count = self.faces.restore(image, name, share, weight, self.job.check)
        if not count:
            self.job.comment(f"{self._name(index)}: no face was found.".removeprefix(": ").capitalize())
        facts = {f"{name} visibility": f"{share:.3g}"}
        return result, facts | ({f"{name} weight": f"{weight:.3g}"} if name == CODEFORMER else {})

    def _enlarge(self, image: Image.Image, upscaler: Upscaler, size: Size) -> Image.Image:
        self.job.check()
        report = self._progress_of(upscaler)
        return self.upscalers.upscale(image, upscaler.name, *size, tiles_of(self.job.options), self.job.check, report)

    def _progress_of(self, upscaler: Upscaler) -> Callable[[int, int], None]:
        mixed = self._wanted.second_upscales
        before = 1 if mixed and upscaler is self._wanted.second else 0

        def report(done: int, total: int) -> None:
            self.job.report(step=before * total + done, steps=total * (2 if mixed else 1))

        return report

    def _name(self, index: int) -> str:
        return self.request.name_of(index)

    def _source(self, index: int) -> Source:
        if not self.request.files:
            image = self.request.images[index]
            return Source(self.uploads.open(image.id, self.job.owner), image.infotext)
        path = Path(self.request.input_dir).expanduser() / self.request.files[index]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise PictureError(f"{path.name} cannot be read: {error.strerror}.") from None
        return Source(open_picture(data), read_parameters(data))


def _words(facts: Mapping[str, str]) -> str:
    return ", ".join(entry(key, value) for key, value in facts.items())


def _seed_in(infotext: str) -> int:
    seed = read_infotext(infotext).params.get("Seed", "")
    return int(seed) if seed.isdecimal() and len(seed) < 19 else -1
