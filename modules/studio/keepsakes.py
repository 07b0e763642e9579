"""Kept as files where options ask for it: pictures on their way to the end, masks, and what img2img begins with."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from PIL import Image

from modules.diffusion.masks import as_rgb
from modules.studio.canvas import picture_of
from modules.studio.filing import Filing
from modules.studio.hooks import Hooks
from modules.studio.infotext import write_infotext
from modules.studio.infotext_row import ModelFacts
from modules.studio.request import Img2Img, Inpaint

if TYPE_CHECKING:
    from modules.diffusion.model import Model
    from modules.studio.canvas import Overlay
    from modules.studio.folders import Folders
    from modules.studio.gallery import Gallery
    from modules.studio.job import Batch, Job
    from modules.studio.uploads import Uploads

FACTS, MASKS = "keepsakes: model", "keepsakes: masks"
"""Under these names a job keeps what its pictures are made with, and the masks of a batch by image."""


class Keepsakes(Hooks):
    """Files with A1111's endings of names beside the finished ones. They are in the gallery, not among the job's."""

    def __init__(self, gallery: Gallery, uploads: Uploads, folders: Folders) -> None:
        self.gallery, self._uploads, self._folders = gallery, uploads, folders

    def job_begins(self, job: Job) -> None:
        """What img2img begins with, under A1111's names: the MD5 of its pixels. The parameters say which it was."""
        if isinstance(job.request, Img2Img) and job.options.save_init_img and job.keeps_samples:
            pictures = (self._uploads.of_job(job, id) for id in job.request.init_images)
            job.init_hashes = tuple(self._keep_init(job, picture) for picture in pictures)

    def _keep_init(self, job: Job, picture: Image.Image) -> str:
        name = hashlib.md5(picture.tobytes(), usedforsecurity=False).hexdigest()
        path = self._folders.named(job.options.outdir_init_images) / f"{name}.png"
        if not path.exists():
            self.gallery.save(Filing(picture, "", path, carries_infotext=False), job, 0, aside="init")
        return name

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
        if job.keeps_samples:
            number = batch.index * job.request.batch_size + min(index, job.request.batch_size - 1)
            infotext = write_infotext(job, number, job.kept[FACTS])
            self.gallery.save(Filing(image, infotext), job, number, aside=ending)
