"""The recipe: how one job becomes pictures. One short loop; features hang on it as hooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import torch
from PIL import Image

from modules.diffusion.errors import NotANumberError
from modules.diffusion.model import Model
from modules.diffusion.store import ModelStore
from modules.studio.filing import Filing
from modules.studio.gallery import Gallery
from modules.studio.grid import image_grid
from modules.studio.hooks import Chain, Hooks
from modules.studio.image_files import open_picture
from modules.studio.infotext import write_infotext
from modules.studio.infotext_row import ModelFacts
from modules.studio.job import Batch, Job, SavedImage, Stopped
from modules.studio.painting import Painter
from modules.studio.record import made_with
from modules.studio.request import Txt2Img
from modules.studio.uploads import Uploads
from modules.studio.upscaling import Upscalers


class Recipe:
    """Runs one job on the calling thread."""

    def __init__(
        self,
        job: Job,
        store: ModelStore,
        gallery: Gallery,
        uploads: Uploads,
        upscalers: Upscalers,
        hooks: Sequence[Hooks] = (),
    ) -> None:
        self.job, self.store, self.gallery, self.uploads = job, store, gallery, uploads
        self.hooks = Chain(hooks)
        self._open = self._opener()
        self._painter = Painter(job, store, upscalers, self.hooks, self._open)
        self._images: list[Image.Image] = []
        if job.outer is None:
            job.saved_before = {image.infotext: image for image in gallery.of_job(job.id)}
        self._saved = (job.outer or job).saved_before

    def run(self) -> None:
        """Raises: AquatintError, or whatever a hook raises. What was saved before stays saved."""
        if not self.hooks.course(self.job):
            self.make()

    def make(self) -> None:
        """The normal course of a job. Raises: as `run`."""
        job = self.job
        self.hooks.job_opens(job)
        try:
            job.report(stage=f"loading {job.options.sd_model_checkpoint}", batches=job.request.batches)
            with self.store.lease(job.options.sd_model_checkpoint, job.options.sd_vae) as model:
                self.hooks.model_leased(job, model)
                set_up_images(job)
                self.hooks.job_begins(job)
                with torch.inference_mode():
                    self._batches(model)
            self.hooks.pictures_made(job, self._images)
        finally:
            self.hooks.job_ends(job)

    def _batches(self, model: Model) -> None:
        job = self.job
        job.made = made_with(model, job, self.store, map(self._open, job.request.pictures()))
        job.report(batches=job.request.batches)
        for index in range(job.request.batches):
            batch = _batch_of(job, index)
            if job.interrupted or not batch.prompts:
                break
            self._batch(batch, model)
        self._save_grid(model)

    def _opener(self) -> Callable[[str], Image.Image]:
        """Opens the pictures of the request: what hooks have brought, or the owner's uploads, each once."""
        job = self.job

        @cache
        def upload(id: str) -> Image.Image:
            return self.uploads.open(id, job.owner)

        return lambda id: job.at_hand.get(id) or upload(id)

    def _batch(self, batch: Batch, model: Model) -> None:
        job = self.job
        first = batch.index * job.request.batch_size
        texts = [write_infotext(job, first + index, ModelFacts.of(model)) for index in range(len(batch.seeds))]
        if all(text in self._saved for text in texts):
            saved_before = [self._saved[text] for text in texts]
            self._painter.last = [open_picture(self.gallery.read(each.id, job.owner)[0]) for each in saved_before]
            job.report(images=(*job.progress.images, *saved_before), batch=batch.index + 1, step=0)
            return
        job.skipped = False
        self.hooks.batch_begins(job, batch, model)
        try:
            self._paint(batch, model)
        except Stopped:
            batch.images = []
        stopped = job.interrupted or job.skipped
        self.hooks.batch_ends(job, batch, model)
        job.report(stage="saving")
        told, numbers = told_of(job, batch)
        for index, image in enumerate(batch.images):
            image = batch.images[index] = self.hooks.image_ready(job, batch, index, image)
            infotext = write_infotext(told, numbers[index], ModelFacts.of(model))
            filing = self.hooks.image_saving(told, numbers[index], Filing(image, infotext))
            saved = self._saved.get(filing.infotext) or self._keep(told, filing, numbers[index], unfinished=stopped)
            job.report(images=(*job.progress.images, saved))
            self.hooks.image_saved(job, saved)
        self._painter.last = batch.images or self._painter.last
        job.report(batch=batch.index + 1, step=0, preview=None)

    def _paint(self, batch: Batch, model: Model) -> None:
        """Fills `batch.images`; once more in float32 if there was NaN."""
        try:
            batch.images = self._painter.paint(batch, model)
        except NotANumberError:
            if model.dtype == torch.float32:
                raise
            self.job.report(stage="once more in float32", step=0)
            with model.in_float32():
                batch.images = self._painter.paint(batch, model)

    def _keep(self, told: Job, filing: Filing, index: int, *, unfinished: bool) -> SavedImage:
        self._images.append(filing.image)
        saved = self.job.keeps_samples and (self.job.options.save_incomplete_images or not unfinished)
        return self.gallery.keep(filing, told, index, saved=saved)

    def _save_grid(self, model: Model) -> None:
        job = self.job
        if len(self._images) < 2 or job.request.do_not_save_grid or not job.options.grid_save:
            return
        sheet = Filing(image_grid(self.hooks.sheet(job, self._images)), write_infotext(job, 0, ModelFacts.of(model)))
        job.report(grid=self.gallery.save(sheet, job, 0, grid=True))


def set_up_images(job: Job) -> None:
    """Prompts and seeds of all images; with variation only the variation seed counts up, as in A1111.

    What hooks have set already stays.
    """
    request = job.request
    count = len(job.prompts or job.negative_prompts) or request.batch_size * request.batches
    varied = request.subseed_strength > 0
    job.prompts = job.prompts or [request.prompt] * count
    job.negative_prompts = job.negative_prompts or [request.negative_prompt] * count
    if isinstance(request, Txt2Img):
        job.hr_prompts = job.hr_prompts or [request.hr_prompt] * count
        job.hr_negative_prompts = job.hr_negative_prompts or [request.hr_negative_prompt] * count
    job.seeds = job.seeds or [request.seed + (0 if varied else index) for index in range(count)]
    job.subseeds = job.subseeds or [request.subseed + index for index in range(count)]


def told_of(job: Job, batch: Batch) -> tuple[Job, list[int]]:
    """Whose prompts and seeds the pictures of a batch are told with, and their numbers in it: the job's own; or a
    twin's, where hooks have changed those of the batch, or made more pictures than it has prompts."""
    first, count = batch.index * job.request.batch_size, len(batch.images)
    own = len(job.prompts[first : first + job.request.batch_size])
    rows = {name: getattr(batch, name) for name in ("prompts", "negative_prompts", "seeds", "subseeds")}
    if count <= own and all(getattr(job, name)[first : first + own] == row[:own] for name, row in rows.items()):
        return job, list(range(first, first + count))
    lists = {}
    for name, row in rows.items():
        before = getattr(job, name)
        row = [*row, *before[first + len(row) : first + own]]
        further = [row[index if index < len(row) else index % own] for index in range(own, count)]
        lists[name] = [*before[:first], *row[:own], *before[first + own :], *further]
    for name in ("hr_prompts", "hr_negative_prompts"):
        before = getattr(job, name)
        lists[name] = [*before, *(before[first + index % own] for index in range(own, count))] if before else before
    numbers = [first + index if index < own else len(job.prompts) + index - own for index in range(count)]
    return replace(job, **lists), numbers  # type: ignore[arg-type]  # lists of these very fields


def _batch_of(job: Job, index: int) -> Batch:
    of = slice(index * job.request.batch_size, (index + 1) * job.request.batch_size)
    return Batch(
        index,
        job.prompts[of],
        job.negative_prompts[of],
        job.seeds[of],
        job.subseeds[of],
        job.hr_prompts[of],
        job.hr_negative_prompts[of],
    )
