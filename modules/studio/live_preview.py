"""Live previews: every few steps the latents as a small JPEG, without the VAE."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, ClassVar

from modules.diffusion.errors import NotANumberError
from modules.diffusion.preview import PreviewFactors, fit_factors, preview
from modules.studio.hooks import Hooks

if TYPE_CHECKING:
    from torch import Tensor

    from modules.diffusion.model import Model
    from modules.studio.job import Batch, Job
    from modules.studio.passes import Pass

log = logging.getLogger(__name__)


class LivePreview(Hooks):
    """Shows the first image of the batch at work. A preview that cannot be drawn never costs the picture."""

    QUALITY: ClassVar[int] = 80
    SCALE: ClassVar[int] = 8
    """Pixels of the preview for one of the latents: the finished picture's size, so that nothing jumps."""

    def __init__(self) -> None:
        self._fitted: dict[tuple[str, str | None], PreviewFactors] = {}
        self._factors: PreviewFactors | None = None

    def pass_begins(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
        if run.name == "refiner":  # the latents are still those of the pass it is in
            return
        try:
            self._factors = self._factors_of(model) if job.options.live_previews_enable else None
        except NotANumberError as error:  # the VAE will say so again when it matters
            log.warning("No live previews: %s", error)
            self._factors = None

    def step_ends(self, job: Job, batch: Batch, step: int, x: Tensor) -> None:
        if self._factors is None or step % job.options.show_progress_every_n_steps:
            return
        try:
            picture = io.BytesIO()
            shown = batch.denoised if batch.denoised is not None else x
            preview(shown[0], self._factors, scale=self.SCALE).save(picture, "JPEG", quality=self.QUALITY)
        except Exception:
            log.exception("The live preview is off for this batch")
            self._factors = None
        else:
            job.report(preview=picture.getvalue(), preview_id=job.progress.preview_id + 1)

    def _factors_of(self, model: Model) -> PreviewFactors:
        """Fitted once to the VAE that will decode: a second or less, and right for whatever latents it has."""
        weights = (model.checkpoint.name, model.vae_name)
        if weights not in self._fitted:
            self._fitted[weights] = fit_factors(model.decode, model.latent_shape(64, 64)[0])
        return self._fitted[weights]
