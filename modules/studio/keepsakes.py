"""Pictures on their way, kept as files where options ask for them: before hires fix, faces and colours; and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from modules.diffusion.masks import as_rgb
from modules.studio.canvas import picture_of
from modules.studio.filing import Filing
from modules.studio.hooks import Hooks
from modules.studio.infotext import write_infotext
from modules.studio.infotext_row import ModelFacts
from modules.studio.request import Inpaint

if TYPE_CHECKING:
    from modules.diffusion.model import Model
    from modules.studio.canvas import Overlay
    from modules.studio.gallery import Gallery
    from modules.studio.job import Batch, Job

FACTS, MASKS = "keepsakes: model", "keepsakes: masks"
"""Under these names a job keeps what its pictures are made with, and the masks of a batch by image."""


class Keepsakes(Hooks):
    """Files with A1111's endings of names beside the finished ones. They are in the gallery, not among the job's."""

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery

    def batch_begins(self, job: Job, batch: Batch, model: Model) -> None:
        job.kept |= {FACTS: ModelFacts.of(model), MASKS: {}}

    def hires_begins(self, job: Job, batch: Batch, model: Model) -> None:
        if not job.options.save_images_before_highres_fix or batch.latents is None:
            return
        for index, pixels in enumerate(model.decode(batch.latents)):
            self._keep(job, batch, index, picture_of(pixels), "before-highres-fix")

    def image_painted(self, job: Job, batch: Batch, index: int, image: Image.Image) -> Image.Image:
        if job.options.save_images_before_face_restoration and job.request.restore_faces:
            self._keep(job, batch, index, image, "before-face-restoration")
        return image

    def uncorrected(self, job: Job, batch: Batch, index: int, image: Image.Image) -> None:
        if job.options.save_images_before_color_correction:
            self._keep(job, batch, index, image, "before-color-correction")

    def overlay(self, job: Job, batch: Batch, index: int, overlay: Overlay | None) -> Overlay | None:
        if overlay is not None and isinstance(job.request, Inpaint):
            job.kept[MASKS][index] = overlay.mask
        return overlay

    def image_ready(self, job: Job, batch: Batch, index: int, image: Image.Image) -> Image.Image:
        mask = job.kept[MASKS].get(index)
        if mask is None or mask.size != image.size:
            return image
        if job.options.save_mask:
            self._keep(job, batch, index, mask.convert("RGB"), "mask")
        if job.options.save_mask_composite:
            alone = as_rgb(image).convert("RGBA")
            alone.putalpha(mask)
            self._keep(job, batch, index, alone, "mask-composite")
        return image

    def _keep(self, job: Job, batch: Batch, index: int, image: Image.Image, ending: str) -> None:
        if job.options.samples_save and not job.request.do_not_save_samples:
            number = batch.index * job.request.batch_size + index
            infotext = write_infotext(job, number, job.kept[FACTS])
            self.gallery.save(Filing(image, infotext), job, number, aside=ending)
