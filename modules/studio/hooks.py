"""The one seam of the core: the moments of a job's life, as methods that do nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from modules.diffusion.denoiser import Guidance
    from modules.diffusion.model import Model
    from modules.diffusion.noise import ImageNoise
    from modules.diffusion.prompt_conditioning import PromptsInTime
    from modules.diffusion.sigmas import Schedule
    from modules.studio.canvas import Canvas, Overlay
    from modules.studio.extras import Work
    from modules.studio.filing import Filing
    from modules.studio.job import Batch, Job, SavedImage
    from modules.studio.passes import Pass
    from modules.studio.request import Request


class Hooks:
    """Subclass, override what you need, and give an instance to the engine.

    Every method but `asked` runs on the engine's worker thread, in the order of this class. What a method raises fails
    the job under the name of the class that raised it; the next job is unaffected.
    """

    def asked(self, request: Request) -> Request:
        """On the thread of whoever asks: a request is resolved and not yet queued. Returns what shall be queued, or
        raises AquatintError to refuse it."""
        return request

    def course(self, job: Job) -> bool:
        """Before a job takes its normal course. True when the hook has done all that it asks for; then none of the
        other moments comes, but for jobs within it."""
        return False

    def job_opens(self, job: Job) -> None:
        """Nothing has been made of the request yet: prompts, seeds, sizes and options may be replaced."""

    def model_leased(self, job: Job, model: Model) -> None:
        """The job has its model until its pictures are made; a batch's passes may be given others."""

    def model_lent(self, job: Job, model: Model) -> None:
        """A pass of a batch has another model, until that pass is over."""

    def job_begins(self, job: Job) -> None:
        """Prompts and seeds of all images are set and may still be changed."""

    def batch_begins(self, job: Job, batch: Batch, model: Model) -> None:
        """A model is leased; prompts of this batch may still be changed."""

    def hires_begins(self, job: Job, batch: Batch, model: Model) -> None:
        """The first pass of hires fix is over; what its second pass shall be may still be changed (and until that pass
        has begun, its steps, its denoising strength and its CFG scale)."""

    def pass_begins(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
        """A model is about to sample a pass of the batch: adapters are put on. Hires fix has two passes, and a refiner
        is one more, within that which it refines; each may have a model of its own."""

    def sampling(self, job: Job, batch: Batch, model: Model, make: Callable[[], Tensor]) -> Tensor:
        """The batch is prepared: `batch.canvas` is there, and the first pass has begun. `make` goes through its passes
        and gives its latents (B, C, h, w). Returns what shall be decoded."""
        return make()

    def enlarging(self, job: Job, batch: Batch, model: Model, latents: Tensor, make: Callable[[], Tensor]) -> Tensor:
        """The first pass of hires fix has given `latents` (B, C, h, w); `make` goes through the second one. Whoever has
        others to begin with asks `batch.enlarge`. Returns what shall be decoded."""
        return make()

    def pass_ends(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
        """The pass is over, also when it failed; the latents of the last one are still to be decoded."""

    def schedule(self, job: Job, batch: Batch, run: Pass, model: Model) -> Schedule | None:
        """The noise levels that a pass goes through, where they shall be others than its own."""
        return None

    def noise(self, job: Job, batch: Batch, run: Pass, noise: ImageNoise) -> ImageNoise:
        """Where the noise of a pass comes from, each image's from its own seed. Returns where it shall come from."""
        return noise

    def prompts(self, job: Job, batch: Batch, run: Pass, prompts: PromptsInTime) -> PromptsInTime:
        """What the prompts of a pass say to the network, step by step. Returns what they shall say."""
        return prompts

    def extra_noise(self, job: Job, batch: Batch, noise: Tensor, latents: Tensor, x: Tensor) -> Tensor:
        """`noise` (B, C, h, w) is about to be added to `x`, the picture's `latents` under the noise of the first step.
        Returns what shall be added in its place."""
        return noise

    def sampling_begins(self, job: Job, batch: Batch, model: Model, x: Tensor, sigmas: Tensor) -> Tensor:
        """`x` (B, C, h, w) is the noise (or noised image) that sampling starts from. Returns what it shall be."""
        return x

    def step_begins(self, job: Job, batch: Batch, step: int, x: Tensor, sigma: Tensor) -> Tensor:
        """Before each call of the model. Returns the x that it shall see."""
        return x

    def guided(self, job: Job, batch: Batch, step: int, guidance: Guidance, x: Tensor, sigma: Tensor) -> Tensor:
        """Before each call of the model, once it is known which prompts it is asked for: `guidance` holds them and may
        be changed for this call. Returns the x that it shall see."""
        return x

    def blended(
        self, job: Job, batch: Batch, step: int, guided: Tensor, blended: Tensor, canvas: Canvas, sigma: Tensor
    ) -> Tensor:
        """After each call of the model where there is a mask: `blended` is what was `guided` with the canvas outside
        of the mask. Returns what it shall be."""
        return blended

    def denoised(self, job: Job, batch: Batch, step: int, denoised: Tensor, sigma: Tensor) -> Tensor:
        """After each call of the model and guidance. Returns the denoised latents that the sampler shall see."""
        return denoised

    def step_ends(self, job: Job, batch: Batch, step: int, x: Tensor) -> None:
        """After each step of the sampler: preview, progress, pause."""

    def sampled(self, job: Job, batch: Batch, latents: Tensor) -> Tensor:
        """The batch's finished latents (B, C, h, w), after its last pass. Returns what shall be decoded."""
        return latents

    def decoded(self, job: Job, batch: Batch, pixels: Tensor) -> Tensor:
        """What the latents are in pixels (B, 3, H, W), in [-1, 1]. Returns what shall become pictures."""
        return pixels

    def image_painted(self, job: Job, batch: Batch, index: int, image: Image) -> Image:
        """One image as it was painted: of an inpainted one, the part alone. Returns what is put into the original."""
        return image

    def overlay(self, job: Job, batch: Batch, index: int, overlay: Overlay | None) -> Overlay | None:
        """What of the original lies over image number `index` of the batch. Returns what shall."""
        return overlay

    def uncorrected(self, job: Job, batch: Batch, index: int, image: Image) -> None:
        """Color correction is about to change one image, which without it would be this."""

    def batch_ends(self, job: Job, batch: Batch, model: Model) -> None:
        """`batch.images` are decoded and may be changed."""

    def image_ready(self, job: Job, batch: Batch, index: int, image: Image) -> Image:
        """One finished image, before it is saved. Returns what shall be saved."""
        return image

    def image_saving(self, job: Job, index: int, filing: Filing) -> Filing:
        """The job's image number `index` is about to be written. Returns what shall be, how, and where."""
        return filing

    def image_saved(self, job: Job, image: SavedImage) -> None:
        """The image is on disk and in the index."""

    def sheet(self, job: Job, images: Sequence[Image]) -> Sequence[Image]:
        """The job's pictures are about to be put on one sheet. Returns those that shall be."""
        return images

    def pictures_made(self, job: Job, images: Sequence[Image]) -> None:
        """All of the job's pictures are made; `images` are those of this run, in their order."""

    def extras_begin(self, job: Job, work: Work) -> None:
        """A picture of the Extras was read, and is not enlarged yet."""

    def extras_end(self, job: Job, work: Work) -> None:
        """A picture of the Extras is enlarged and its faces are restored; it is not saved yet."""

    def job_ends(self, job: Job) -> None:
        """Called once for each job that began, also when it failed or was interrupted."""


class Chain(Hooks):
    """Several hooks as one: each moment goes through all of them in their order, values from one to the next."""

    def __init__(self, hooks: Iterable[Hooks]) -> None:
        self.hooks = tuple(hooks)

    def asked(self, request: Request) -> Request:
        for hook in self.hooks:
            request = hook.asked(request)
        return request

    def course(self, job: Job) -> bool:
        return any(hook.course(job) for hook in self.hooks)

    def job_opens(self, job: Job) -> None:
        for hook in self.hooks:
            hook.job_opens(job)

    def model_leased(self, job: Job, model: Model) -> None:
        for hook in self.hooks:
            hook.model_leased(job, model)

    def model_lent(self, job: Job, model: Model) -> None:
        for hook in self.hooks:
            hook.model_lent(job, model)

    def job_begins(self, job: Job) -> None:
        for hook in self.hooks:
            hook.job_begins(job)

    def batch_begins(self, job: Job, batch: Batch, model: Model) -> None:
        for hook in self.hooks:
            hook.batch_begins(job, batch, model)

    def sampling(self, job: Job, batch: Batch, model: Model, make: Callable[[], Tensor]) -> Tensor:
        for hook in reversed(self.hooks):
            make = partial(hook.sampling, job, batch, model, make)
        return make()

    def enlarging(self, job: Job, batch: Batch, model: Model, latents: Tensor, make: Callable[[], Tensor]) -> Tensor:
        for hook in reversed(self.hooks):
            make = partial(hook.enlarging, job, batch, model, latents, make)
        return make()

    def hires_begins(self, job: Job, batch: Batch, model: Model) -> None:
        for hook in self.hooks:
            hook.hires_begins(job, batch, model)

    def pass_begins(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
        for hook in self.hooks:
            hook.pass_begins(job, batch, run, model)

    def pass_ends(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
        for hook in self.hooks:
            hook.pass_ends(job, batch, run, model)

    def schedule(self, job: Job, batch: Batch, run: Pass, model: Model) -> Schedule | None:
        given = (hook.schedule(job, batch, run, model) for hook in self.hooks)
        return next((schedule for schedule in given if schedule is not None), None)

    def noise(self, job: Job, batch: Batch, run: Pass, noise: ImageNoise) -> ImageNoise:
        for hook in self.hooks:
            noise = hook.noise(job, batch, run, noise)
        return noise

    def prompts(self, job: Job, batch: Batch, run: Pass, prompts: PromptsInTime) -> PromptsInTime:
        for hook in self.hooks:
            prompts = hook.prompts(job, batch, run, prompts)
        return prompts

    def extra_noise(self, job: Job, batch: Batch, noise: Tensor, latents: Tensor, x: Tensor) -> Tensor:
        for hook in self.hooks:
            noise = hook.extra_noise(job, batch, noise, latents, x)
        return noise

    def sampling_begins(self, job: Job, batch: Batch, model: Model, x: Tensor, sigmas: Tensor) -> Tensor:
        for hook in self.hooks:
            x = hook.sampling_begins(job, batch, model, x, sigmas)
        return x

    def step_begins(self, job: Job, batch: Batch, step: int, x: Tensor, sigma: Tensor) -> Tensor:
        for hook in self.hooks:
            x = hook.step_begins(job, batch, step, x, sigma)
        return x

    def guided(self, job: Job, batch: Batch, step: int, guidance: Guidance, x: Tensor, sigma: Tensor) -> Tensor:
        for hook in self.hooks:
            x = hook.guided(job, batch, step, guidance, x, sigma)
        return x

    def blended(
        self, job: Job, batch: Batch, step: int, guided: Tensor, blended: Tensor, canvas: Canvas, sigma: Tensor
    ) -> Tensor:
        for hook in self.hooks:
            blended = hook.blended(job, batch, step, guided, blended, canvas, sigma)
        return blended

    def denoised(self, job: Job, batch: Batch, step: int, denoised: Tensor, sigma: Tensor) -> Tensor:
        for hook in self.hooks:
            denoised = hook.denoised(job, batch, step, denoised, sigma)
        return denoised

    def step_ends(self, job: Job, batch: Batch, step: int, x: Tensor) -> None:
        for hook in self.hooks:
            hook.step_ends(job, batch, step, x)

    def sampled(self, job: Job, batch: Batch, latents: Tensor) -> Tensor:
        for hook in self.hooks:
            latents = hook.sampled(job, batch, latents)
        return latents

    def decoded(self, job: Job, batch: Batch, pixels: Tensor) -> Tensor:
        for hook in self.hooks:
            pixels = hook.decoded(job, batch, pixels)
        return pixels

    def image_painted(self, job: Job, batch: Batch, index: int, image: Image) -> Image:
        for hook in self.hooks:
            image = hook.image_painted(job, batch, index, image)
        return image

    def overlay(self, job: Job, batch: Batch, index: int, overlay: Overlay | None) -> Overlay | None:
        for hook in self.hooks:
            overlay = hook.overlay(job, batch, index, overlay)
        return overlay

    def uncorrected(self, job: Job, batch: Batch, index: int, image: Image) -> None:
        for hook in self.hooks:
            hook.uncorrected(job, batch, index, image)

    def batch_ends(self, job: Job, batch: Batch, model: Model) -> None:
        for hook in self.hooks:
            hook.batch_ends(job, batch, model)

    def image_ready(self, job: Job, batch: Batch, index: int, image: Image) -> Image:
        for hook in self.hooks:
            image = hook.image_ready(job, batch, index, image)
        return image

    def image_saving(self, job: Job, index: int, filing: Filing) -> Filing:
        for hook in self.hooks:
            filing = hook.image_saving(job, index, filing)
        return filing

    def image_saved(self, job: Job, image: SavedImage) -> None:
        for hook in self.hooks:
            hook.image_saved(job, image)

    def sheet(self, job: Job, images: Sequence[Image]) -> Sequence[Image]:
        for hook in self.hooks:
            images = hook.sheet(job, images)
        return images

    def pictures_made(self, job: Job, images: Sequence[Image]) -> None:
        for hook in self.hooks:
            hook.pictures_made(job, images)

    def extras_begin(self, job: Job, work: Work) -> None:
        for hook in self.hooks:
            hook.extras_begin(job, work)

    def extras_end(self, job: Job, work: Work) -> None:
        for hook in self.hooks:
            hook.extras_end(job, work)

    def job_ends(self, job: Job) -> None:
        for hook in self.hooks:
            hook.job_ends(job)
