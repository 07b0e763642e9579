"""A batch painted, pass by pass: words or a picture to latents, larger latents, and pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import count

import torch
from PIL import Image
from torch import Tensor

from modules.diffusion.color_correction import color_corrected
from modules.diffusion.errors import AquatintError
from modules.diffusion.latent_upscaling import find_latent_upscaler
from modules.diffusion.masks import as_rgb
from modules.diffusion.model import Model
from modules.diffusion.noise import ImageNoise
from modules.diffusion.store import ModelStore
from modules.diffusion.tiles import Tiles, in_spans, spans
from modules.diffusion.tiling import seamless
from modules.diffusion.token_merging import merged_tokens
from modules.studio.canvas import (
    Canvas,
    Masks,
    Surface,
    enlarged,
    flattened,
    picture_of,
    pixels_of,
    prepare,
    surface_of,
    tile_canvas,
    without_picture,
)
from modules.studio.hooks import Hooks
from modules.studio.job import Batch, Job, Stopped
from modules.studio.passes import Pass, changed_second, first_pass, hires_pass, refiner_pass
from modules.studio.request import Img2Img, Inpaint, Txt2Img
from modules.studio.sampling import Refiner, canvas_of, noise_of, sample
from modules.studio.upscaling import Upscalers, tiles_of


class Painter:
    """Paints the batches of one job."""

    def __init__(
        self,
        job: Job,
        store: ModelStore,
        upscalers: Upscalers,
        hooks: Hooks,
        open_picture: Callable[[str], Image.Image],
    ) -> None:
        self.job, self.store, self.upscalers = job, store, upscalers
        self.hooks, self.open_picture = hooks, open_picture
        self.last: list[Image.Image] = []
        """The pictures of the batch before, which the next loop begins with."""

    def paint(self, batch: Batch, model: Model) -> list[Image.Image]:
        """The batch's pictures. An interrupted batch gives what there is, which may be the first pass's.

        Raises: Stopped if there is nothing yet, NotANumberError, AquatintError.
        """
        request = self.job.request
        with self._as_wished(model), ExitStack() as lent:
            if isinstance(request, Img2Img) and request.sd_upscale_upscaler:
                return self._tile_by_tile(batch, request, model)
            with _Passes(self, batch, model, lent) as passes:
                batch.latents = self.hooks.sampling(self.job, batch, model, passes.make)
            return self._finished(batch, passes.at_work)

    def prepared(self, batch: Batch, run: Pass, model: Model, noise: ImageNoise) -> Canvas:
        """What the first pass begins with."""
        request = self.job.request
        if not isinstance(request, Img2Img):
            return without_picture(model, len(batch.seeds), run.width, run.height)
        options, surfaces = self.job.options, self._surfaces(batch, request, self._pictures(batch, request))
        canvas = prepare(request, options, surfaces, noise.initial(), model)
        if not options.img2img_color_correction:
            return canvas
        return canvas.coloured_as(self._surfaces(batch, request, self._originals(batch, request)))

    def sampled(self, batch: Batch, run: Pass, model: Model, noise: ImageNoise) -> Tensor:
        """(B, C, h, w): a pass that has begun, over what is on the batch's canvas. Raises: Stopped."""
        noise = self.hooks.noise(self.job, batch, run, noise)
        refiner = self._refiner(batch, run, model)
        return sample(self.job, batch, run, model, self.hooks, noise, refiner)

    def _surfaces(self, batch: Batch, request: Img2Img, pictures: Sequence[Image.Image]) -> list[Surface]:
        """Raises: AquatintError if a mask is empty."""
        given: Masks | None = None
        if isinstance(request, Inpaint):
            latent = self.open_picture(request.latent_mask) if request.latent_mask else None
            given = Masks(self.open_picture(request.mask), latent)
        both = zip(pictures, batch.seeds, strict=True)
        return [surface_of(request, self.job.options, picture, given, seed) for picture, seed in both]

    def _pictures(self, batch: Batch, request: Img2Img) -> list[Image.Image]:
        """What each image of the batch begins with."""
        begins = batch.index % request.loops == 0 or not self.last
        return self._originals(batch, request) if begins else self._for_each(batch, self.last)

    def _originals(self, batch: Batch, request: Img2Img) -> list[Image.Image]:
        """What each image of the batch began with, before any loop."""
        return self._for_each(batch, [self.open_picture(id) for id in request.init_images])

    def _for_each(self, batch: Batch, pictures: Sequence[Image.Image]) -> list[Image.Image]:
        return [pictures[index % len(pictures)] for index in range(len(batch.seeds))]

    def _tile_by_tile(self, batch: Batch, request: Img2Img, model: Model) -> list[Image.Image]:
        """SD upscale: each picture enlarged, and painted over tile by tile. Raises: Stopped if none is finished."""
        done: list[Image.Image] = []
        try:
            for index, picture in enumerate(self._pictures(batch, request)):
                larger = self._enlarged(flattened(picture, self.job.options), request)
                painted = self._painted_over(batch, index, larger, model)
                painted = self.hooks.image_painted(self.job, batch, index, painted)
                if self.job.options.img2img_color_correction:
                    self.hooks.uncorrected(self.job, batch, index, painted)
                    painted = color_corrected(painted, larger)
                done.append(painted)
        except Stopped:
            if not done:
                raise
        return done

    def _enlarged(self, picture: Image.Image, request: Img2Img) -> Image.Image:
        """For SD upscale."""
        width, height = (round(side * request.sd_upscale_scale) for side in picture.size)
        upscaler, tiles = request.sd_upscale_upscaler or "", tiles_of(self.job.options)
        self.job.report(stage=f"enlarging with {upscaler}")
        made = self.upscalers.upscale(picture, upscaler, width, height, tiles, self.job.check)
        self.job.networks |= self.upscalers.hashes(upscaler)
        return made

    def _painted_over(self, batch: Batch, index: int, larger: Image.Image, model: Model) -> Image.Image:
        """One image of the batch; its tiles have its seed and those that follow, as in A1111."""
        request = self.job.request
        assert isinstance(request, Img2Img)
        columns = spans(larger.width, Tiles(request.width, request.sd_upscale_overlap))
        rows = spans(larger.height, Tiles(request.height, request.sd_upscale_overlap))
        numbers, total = count(), len(columns) * len(rows)

        def paint(tile: Image.Image) -> Image.Image:
            number = next(numbers)
            left = total - number - 1 + (len(batch.seeds) - index - 1) * total
            one = _alone(batch, index, number)
            width, height = (side + -side % 8 for side in tile.size)
            run = replace(first_pass(self.job, one), width=width, height=height, steps_after=left * request.steps)
            one.canvas, noise = tile_canvas(model, tile, width, height), noise_of(self.job, one, run, model)
            with self.begun(one, run, model):
                latents = self.sampled(one, run, model, noise)
            (painted,) = self._decode(latents, model, one.canvas)
            return painted if painted.size == tile.size else painted.resize(tile.size, Image.Resampling.LANCZOS)

        return in_spans(larger, columns, rows, 1, paint, self.job.check)

    def given_first_pass(self, batch: Batch, model: Model) -> Tensor:
        """(B, C, h, w): the picture that is to be enlarged, for each image of the batch."""
        request = self.job.request
        assert isinstance(request, Txt2Img)
        assert request.firstpass_image
        picture = as_rgb(self.open_picture(request.firstpass_image)).resize((request.width, request.height))
        return model.encode(pixels_of(picture)[None]).expand(len(batch.seeds), -1, -1, -1)

    def second(
        self, batch: Batch, model: Model, latents: Tensor, pixels: Tensor | None, lent: ExitStack
    ) -> tuple[Model, Tensor]:
        """Hires fix: the first pass's latents made larger and painted once more -> (B, C, h, w) and whose they are, a
        model that is left in `lent`. `pixels` (B, 3, H, W) stand for the latents where pictures are enlarged.

        Raises: Stopped."""
        self.hooks.hires_begins(self.job, batch, model)
        job, request, run = self.job, self.job.request, hires_pass(self.job, batch)
        assert isinstance(request, Txt2Img)
        assert run is not None
        width, height = request.hires_size.upscaled
        latent = find_latent_upscaler(request.hr_upscaler or "")
        if pixels is None and latent is None:
            pixels = self._pixels(latents, model)
        pictures = [] if latent or pixels is None else self._larger(pixels, request.hr_upscaler or "", (width, height))
        self.job.check()
        other = lent.enter_context(self._instead(model, run))
        if latent is None:
            larger = torch.cat([other.encode(pixels_of(picture)[None]) for picture in pictures])
        else:
            _check_latents(model, other)
            larger = latent.resize(latents, *other.latent_shape(width, height)[1:])
        larger = _middle(larger, *other.latent_shape(run.width, run.height)[1:])
        batch.canvas = enlarged(other, larger, run.width, run.height)
        with self.begun(batch, run, other):
            run = changed_second(run, self.job, batch)
            return other, self.sampled(batch, run, other, noise_of(job, batch, run, other))

    def _larger(self, pixels: Tensor, upscaler: str, size: tuple[int, int]) -> list[Image.Image]:
        """Pixels (B, 3, H, W) as larger pictures."""
        pictures, tiles = [picture_of(each) for each in pixels], tiles_of(self.job.options)
        self.job.report(stage=f"enlarging with {upscaler}")
        made = [self.upscalers.upscale(picture, upscaler, *size, tiles, check=self.job.check) for picture in pictures]
        self.job.networks |= self.upscalers.hashes(upscaler)
        return made

    def _finished(self, batch: Batch, model: Model) -> list[Image.Image]:
        """What the batch's finished latents are, as pictures."""
        job = self.job
        assert batch.latents is not None
        latents, batch.latents = batch.latents, self.hooks.sampled(job, batch, batch.latents)
        known = batch.pixels if batch.latents is latents else None
        pixels = self.hooks.decoded(job, batch, self._pixels(batch.latents, model) if known is None else known)
        painted = [self.hooks.image_painted(job, batch, index, picture_of(each)) for index, each in enumerate(pixels)]
        canvas = canvas_of(batch).shows(batch.latents)
        overlays = [self.hooks.overlay(job, batch, index, canvas.overlay_of(index)) for index in range(len(painted))]
        if canvas.colours:
            for index, pair in enumerate(zip(painted, overlays, strict=True)):
                self.hooks.uncorrected(job, batch, index, canvas.uncoloured().finish(index, *pair))
        return [canvas.finish(index, *pair) for index, pair in enumerate(zip(painted, overlays, strict=True))]

    def _pixels(self, latents: Tensor, model: Model) -> Tensor:
        self.job.report(stage="decoding")
        return model.decode(latents)

    def _decode(self, latents: Tensor, model: Model, canvas: Canvas) -> list[Image.Image]:
        canvas = canvas.shows(latents)
        pictures = map(picture_of, self._pixels(latents, model))
        return [canvas.finish(index, each, canvas.overlay_of(index)) for index, each in enumerate(pictures)]

    def _refiner(self, batch: Batch, run: Pass, model: Model) -> Refiner | None:
        """What finishes a pass that `model` begins."""
        finish, request, options = refiner_pass(self.job, run), self.job.request, self.job.options
        if finish is None or request.refiner_switch_at is None:
            return None

        @contextmanager
        def opened(finish: Pass) -> Iterator[Model]:
            with self._instead(model, finish) as other:
                _check_latents(model, other)
                if other.has_inpaint_channels and not model.has_inpaint_channels:
                    raise AquatintError(f"{other.checkpoint.stem} is for inpainting, and no refiner of other models.")
                with self.begun(batch, finish, other):
                    self.job.report(stage=f"refining with {other.checkpoint.stem}")
                    yield other

        return Refiner(finish, request.refiner_switch_at, options.refiner_switch_by_sample_steps, opened)

    @contextmanager
    def begun(self, batch: Batch, run: Pass, model: Model) -> Iterator[None]:
        """A pass of the batch, while the block lasts."""
        options = self.job.options
        ratio = options.token_merging_ratio_hr if run.is_second else options.token_merging_ratio
        try:
            self.hooks.pass_begins(self.job, batch, run, model)
            with merged_tokens(model.unet, ratio):
                yield
        finally:
            self.hooks.pass_ends(self.job, batch, run, model)

    @contextmanager
    def _instead(self, model: Model, run: Pass) -> Iterator[Model]:
        """The model of a pass that has one of its own, with the precision that the job needs."""
        if run.checkpoint is None:
            yield model
            return
        self.job.report(stage=f"loading {run.checkpoint}")
        with self.store.lease_instead(model, run.checkpoint, self.job.options.sd_vae) as other, ExitStack() as stack:
            if other is not model:
                self.hooks.model_lent(self.job, other)
            if model.dtype == torch.float32:
                stack.enter_context(other.in_float32())
            if other is not model:
                stack.enter_context(self._as_wished(other))
            yield other

    @contextmanager
    def _as_wished(self, model: Model) -> Iterator[None]:
        with ExitStack() as stack:
            if self.job.request.tiling:
                stack.enter_context(seamless(model))
            if self.job.options.sd_noise_schedule == "Zero Terminal SNR":
                stack.enter_context(model.to_zero_terminal_snr())
            yield


class _Passes:
    """The passes of a batch, of which the first has begun while the block lasts."""

    def __init__(self, painter: Painter, batch: Batch, model: Model, lent: ExitStack) -> None:
        """A model that is lent for the second pass stays so until `lent` is closed: it decodes."""
        self._painter, self._batch, self._model, self._lent = painter, batch, model, lent
        self._begun = ExitStack()
        self._first: Callable[[], Tensor] | None = None
        self.at_work = model
        """Whose latents they are."""

    def __enter__(self) -> _Passes:
        self._begin()
        return self

    def __exit__(self, *error: object) -> None:
        self._batch.enlarge = None
        self._begun.close()

    def _begin(self) -> None:
        job, batch, model = self._painter.job, self._batch, self._model
        batch.pixels, batch.decode = None, lambda latents: self.at_work.decode(latents)
        batch.enlarge = None if hires_pass(job, batch) is None else self.enlarged
        if isinstance(job.request, Txt2Img) and job.request.firstpass_image and hires_pass(job, batch) is not None:
            self._first, batch.canvas = partial(self._painter.given_first_pass, batch, model), Canvas()
        else:
            run = first_pass(job, batch)
            noise = noise_of(job, batch, run, model)
            batch.canvas = self._painter.prepared(batch, run, model, noise)
            self._begun.enter_context(self._painter.begun(batch, run, model))
            self._first = partial(self._painter.sampled, batch, run, model, noise)

    def make(self) -> Tensor:
        """(B, C, h, w); all anew when it is asked for again. Raises: Stopped."""
        batch = self._batch
        if self._first is None:
            self._lent.close()
            self._begin()
        assert self._first is not None
        painter, latents = self._painter, self._first()
        batch.latents = latents
        if hires_pass(painter.job, batch) is None:
            return latents
        canvas = batch.canvas
        try:
            return painter.hooks.enlarging(painter.job, batch, self._model, latents, lambda: self.enlarged(latents))
        except Stopped:
            self._lent.close()
            self.at_work, batch.canvas = self._model, canvas
            return latents

    def enlarged(self, latents: Tensor, pixels: Tensor | None = None) -> Tensor:
        """(B, C, h, w), `at_work`'s: the second pass over these latents, or these pixels (B, 3, H, W) where it enlarges
        pictures. Raises: Stopped."""
        self._begun.close()
        self._lent.close()
        self._first = None
        self.at_work, made = self._painter.second(self._batch, self._model, latents, pixels, self._lent)
        return made


def _alone(batch: Batch, index: int, later: int) -> Batch:
    """One image of a batch as a batch, `later` seeds on."""
    only = slice(index, index + 1)
    seeds = [seed + later for seed in batch.seeds[only]]
    subseeds = [seed + later for seed in batch.subseeds[only]]
    return Batch(batch.index, batch.prompts[only], batch.negative_prompts[only], seeds, subseeds)


def _check_latents(model: Model, other: Model) -> None:
    """Raises: AquatintError if what one model has begun means something else to the other."""
    mine, its = ((each.latent_shape(64, 64), each.latent_scale) for each in (model, other))
    if mine != its:
        raise AquatintError(
            f"{other.checkpoint.stem} cannot go on where {model.checkpoint.stem} stops: {other.family.name} and "
            f"{model.family.name} have different latents. Choose a checkpoint of the same family"
            " or, for hires fix, an upscaler that is none of the latent ones."
        )


def _middle(latents: Tensor, height: int, width: int) -> Tensor:
    """(B, C, h, w) -> (B, C, height, width), all in latent cells."""
    top, left = (latents.shape[2] - height) // 2, (latents.shape[3] - width) // 2
    return latents[:, :, top : top + height, left : left + width]
