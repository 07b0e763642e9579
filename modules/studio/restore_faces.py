"""Restore faces, in every job that asks for it: as soon as a picture is painted, before it is put into its original."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modules.diffusion.errors import AquatintError
from modules.studio.hooks import Hooks
from modules.studio.job import Stopped

if TYPE_CHECKING:
    from PIL.Image import Image

    from modules.studio.face_restoring import FaceRestorers
    from modules.studio.job import Batch, Job
    from modules.studio.settings import Options


class RestoreFaces(Hooks):
    """Asks the face restorer that the options name."""

    def __init__(self, faces: FaceRestorers) -> None:
        self.faces = faces

    def image_painted(self, job: Job, batch: Batch, index: int, image: Image) -> Image:
        if not job.request.restore_faces:
            return image
        job.report(stage="restoring faces")
        name, weight = job.options.face_restoration_model, job.options.code_former_weight
        try:
            made, count = self.faces.restore(image, name, weight=weight, check=job.check)
        except Stopped:
            return image
        job.networks |= self.faces.hashes(name)
        if not count:
            number = batch.index * job.request.batch_size + index + 1
            job.comment(f"Restore faces found no face in picture {number}.")
        return made


def check_face_restorer(faces: FaceRestorers, options: Options) -> None:
    """Raises: AquatintError saying which file belongs where, and what could be chosen instead."""
    try:
        faces.find(options.face_restoration_model)
    except AquatintError as error:
        others = [name for name in faces.names() if name != options.face_restoration_model]
        instead = f"choose {others[0]}, which is here, in Settings" if others else "switch it off"
        raise AquatintError(f"Restore faces: {error} Or {instead}.") from None
