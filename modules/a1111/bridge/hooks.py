"""The moments of a job in A1111's words: calls the methods of scripts and the callbacks, in A1111's order."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.grid import grid_size
from modules.studio.hooks import Hooks
from modules.studio.job import Batch, Job, SavedImage
from modules.studio.request import Img2Img, Request, RequestError, Txt2Img

from . import batch_rows, course, face_sampling, moments, script_args, second_pass
from .batch_words import noise_for, schedule_of, spoken_for
from .callback_params import (
    AfterCFGCallbackParams,
    CFGDenoisedParams,
    ExtraNoiseParams,
    ImageGridLoopParams,
)
from .denoising import Call
from .entries import OptionEntry
from .face import Face
from .filing import as_told_by_extensions, changed_filing, handed_back
from .frozen_values import thawed
from .host import host
from .layers import Guard
from .outcome import keep_pictures, saved_as
from .overlays import changed_overlay, laid_over
from .picture_rows import take_pictures
from .processed import Processed
from .script import (
    MaskBlendArgs,
    PostprocessBatchListArgs,
    PostprocessImageArgs,
    PostProcessMaskOverlayArgs,
)
from .spoken import Spoken
from .stepping import Stepping
from .taken_over import combined_by_theirs, read_by_theirs

if TYPE_CHECKING:
    from torch import Tensor

    from modules.diffusion.denoiser import Guidance
    from modules.diffusion.model import Model
    from modules.diffusion.noise import ImageNoise
    from modules.diffusion.prompt_conditioning import PromptsInTime
    from modules.diffusion.sigmas import Schedule
    from modules.studio.canvas import Canvas, Overlay
    from modules.studio.extras import Work
    from modules.studio.filing import Filing
    from modules.studio.passes import Pass


ENLARGING = 1000
"""The `order` of A1111's own script that enlarges."""


class Bridge(Hooks):
    """Stands between the engine and the scripts of extensions. It holds nothing of a job: the job's face does."""

    def __init__(self) -> None:
        self.callbacks: Any = importlib.import_module("modules.script_callbacks")
        self.scripts: Any = importlib.import_module("modules.scripts")
        self._saving: Filing | None = None
        self._before: list[tuple[Job | None, Any, Model | None]] = []
        self._guard = Guard()

    def runner_for(self, request: Request) -> Any:
        """The scripts that may take part."""
        return self.scripts.scripts_txt2img if isinstance(request, Txt2Img) else self.scripts.scripts_img2img

    def asked(self, request: Request) -> Request:
        if not isinstance(request, Txt2Img | Img2Img):
            return request
        runner = self.runner_for(request)
        if request.script_name and runner.script(request.script_name) not in runner.selectable_scripts:
            raise RequestError(f"Script '{request.script_name:.100}' not found.", "script_name")
        for title in request.alwayson_scripts:
            if runner.script(title) not in runner.alwayson_scripts:
                raise RequestError(f"Always on script {title:.100} not found.", "alwayson_scripts")
        return request

    def face_of(self, job: Job) -> Face:
        """p of a job; made with the scripts that the job asks for when it has none yet."""
        face: Face | None = job.kept.get(course.FACE)
        if face is None:
            face = course.new_face(job)
            script_args.hand_out(face, job, self.runner_for(job.request))
        elif face._job is None:
            face.bind(job)
        return face

    def course(self, job: Job) -> bool:
        with course.at_work(job, None):
            p: Any = self.face_of(job)
            if not job.request.script_name or p.scripts is None:
                return False
            host.p, job.kept[course.COURSE] = p, True
            processed = p.scripts.run(p, *p.script_args)
        self._guard.look(job, host.app.store)
        if not isinstance(processed, Processed):
            job.kept.pop(course.COURSE)
            return False
        for comment in filter(None, processed.comments.splitlines()):
            job.comment(comment)
        keep_pictures(job, processed)
        return True

    def job_opens(self, job: Job) -> None:
        p: Any = self.face_of(job)
        self._before.append((host.job, host.p, host.model))
        host.job, host.p = job, p
        if p.scripts is not None:
            before, put_back = job.request, p.remember()
            p.scripts.before_process(p)
            take_pictures(p)
            if job.request is not before or p.override_settings:
                styles = moments.added_styles(p, before.styles)
                try:
                    course.settle(job, dict(p.override_settings or {}), styles)
                except AquatintError as error:
                    put_back()
                    job.comment(f"What extensions have asked for cannot be, and is left out: {error}")
        p.keep(moments.MERGED, job.request.styles)
        for name, listed in course.LISTS.items():
            values = p.own(f"listed {name}")
            if values:
                setattr(job, listed, list(values))

    def model_leased(self, job: Job, model: Model) -> None:
        host.model = model
        self._guard.see(model)

    def model_lent(self, job: Job, model: Model) -> None:
        self._guard.see(model)

    def job_begins(self, job: Job) -> None:
        p: Any = host.p
        if job.outer is not None and course.COURSE in job.outer.kept:
            outer = job.outer
            outer.report(batches=max(outer.progress.batches, outer.progress.batch + job.request.batches))
        moments.prompts_wanted(p)
        if p.scripts is not None:
            p.scripts.process(p)
        moments.at_moment(p, "init", p.all_prompts, p.all_seeds, p.all_subseeds)
        take_pictures(p)
        course.complete(job)
        for row in host.app.settings.declared.values():
            if row.infotext:
                p.extra_generation_params.setdefault(row.infotext, OptionEntry(job, row))

    def batch_begins(self, job: Job, batch: Batch, model: Model) -> None:
        p: Any = host.p
        p._batch, p.iteration = batch, batch.index
        batch_rows.begin(p)
        if p.scripts is None:
            return
        words = {"batch_number": batch.index, "prompts": p.prompts, "seeds": p.seeds, "subseeds": p.subseeds}
        p.scripts.before_process_batch(p, **words)
        words |= {"prompts": p.prompts, "seeds": p.seeds, "subseeds": p.subseeds}
        moments.networks_named(p)
        p.scripts.after_extra_networks_activate(p, **words, extra_network_data=p.extra_network_data)
        p.scripts.process_batch(p, **words)
        moments.at_moment(p, "setup_conds")
        take_pictures(p)

    def enlarging(self, job: Job, batch: Batch, model: Model, latents: Tensor, make: Callable[[], Tensor]) -> Tensor:
        p: Any = host.p
        try:
            return second_pass.through_hr_pass(p, model, latents, make)
        finally:
            p.is_hr_pass = False

    def pass_begins(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
        p: Any = host.p
        p._pass = run
        p._words.models.append(host.model)
        host.model = model
        if run.name == "hires" and p.scripts is not None:
            p.scripts.before_hr(p)

    def pass_ends(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
        if host.p._words.models:
            host.model = host.p._words.models.pop()

    def schedule(self, job: Job, batch: Batch, run: Pass, model: Model) -> Schedule | None:
        return schedule_of(host.p)

    def sampling(self, job: Job, batch: Batch, model: Model, make: Callable[[], Tensor]) -> Tensor:
        return face_sampling.through_sample(host.p, make)

    def noise(self, job: Job, batch: Batch, run: Pass, noise: ImageNoise) -> ImageNoise:
        face_sampling.begin_pass(host.p, run)
        return noise_for(host.p, job, batch, run, noise)

    def prompts(self, job: Job, batch: Batch, run: Pass, prompts: PromptsInTime) -> PromptsInTime:
        said = spoken_for(host.p, batch, run.name, prompts)
        if isinstance(said, Spoken):
            read_by_theirs(host.p, said, run)
        return said

    def extra_noise(self, job: Job, batch: Batch, noise: Tensor, latents: Tensor, x: Tensor) -> Tensor:
        if not self.callbacks.has_callbacks("extra_noise"):
            return noise
        params = ExtraNoiseParams(noise.clone(), latents, x)
        self.callbacks.extra_noise_callback(params)
        return _tensor(params.noise, noise)

    def sampling_begins(self, job: Job, batch: Batch, model: Model, x: Tensor, sigmas: Tensor) -> Tensor:
        p: Any = host.p
        p._words.steps = p._total_steps = len(sigmas) - 1
        p._stepping = Stepping(p.sampler)
        if p.scripts is not None and not p._words.by_hand and p.scripts.wants("process_before_every_sampling"):
            x = face_sampling.before_sampling(p, batch, x, sigmas)
        return x

    def step_begins(self, job: Job, batch: Batch, step: int, x: Tensor, sigma: Tensor) -> Tensor:
        host.p._stepping.asks(x)
        return x

    def guided(self, job: Job, batch: Batch, step: int, guidance: Guidance, x: Tensor, sigma: Tensor) -> Tensor:
        steps: int = getattr(host.p, "_total_steps", 0)
        host.p._words.step = step
        guidance.answered, guidance.levels, guidance.further = None, None, ()
        guidance.combined = combined_by_theirs(host.p, guidance)
        if self.callbacks.has_callbacks("cfg_denoised"):

            def answered(rows: Tensor) -> Tensor:
                params = CFGDenoisedParams(rows, step, steps, guidance.model)
                self.callbacks.cfg_denoised_callback(params)
                return _tensor(params.x, rows)

            guidance.answered = answered
        if not self.callbacks.has_callbacks("cfg_denoiser"):
            return x
        call = Call(guidance, x, sigma, host.p, step, steps)
        self.callbacks.cfg_denoiser_callback(call.params)
        return call.taken_back()

    def blended(
        self, job: Job, batch: Batch, step: int, guided: Tensor, blended: Tensor, canvas: Canvas, sigma: Tensor
    ) -> Tensor:
        p: Any = host.p
        if p.scripts is None or canvas.mask is None or not p.scripts.wants("on_mask_blend"):
            return blended
        handed = MaskBlendArgs(guided, canvas.mask, canvas.latents, 1 - canvas.mask, blended, p, sigma)
        p.scripts.on_mask_blend(p, handed)
        return _tensor(handed.blended_latent, blended)

    def denoised(self, job: Job, batch: Batch, step: int, denoised: Tensor, sigma: Tensor) -> Tensor:
        if self.callbacks.has_callbacks("cfg_after_cfg"):
            params = AfterCFGCallbackParams(denoised, step, getattr(host.p, "_total_steps", 0))
            self.callbacks.cfg_after_cfg_callback(params)
            denoised = _tensor(params.x, denoised)
        host.p._stepping.answered(step, denoised, sigma)
        return denoised

    def sampled(self, job: Job, batch: Batch, latents: Tensor) -> Tensor:
        p: Any = host.p
        if p.scripts is None or not p.scripts.wants("post_sample"):
            return latents
        return second_pass.after_sampling(p, latents)

    def decoded(self, job: Job, batch: Batch, pixels: Tensor) -> Tensor:
        p: Any = host.p
        moments.prompts_as_asked(p, batch)
        if p.scripts is None or not p.scripts.wants("postprocess_batch", "postprocess_batch_list"):
            moments.saving_asked(p)
            return pixels
        images = ((pixels + 1) / 2).clamp(0, 1)
        before = images.clone()
        p.scripts.postprocess_batch(p, images, batch_number=batch.index)
        moments.prompts_as_asked(p, batch)
        listed = PostprocessBatchListArgs(list(images))
        p.scripts.postprocess_batch_list(p, listed, batch_number=batch.index)
        after = second_pass.as_pixels(listed.images)
        if after is None:
            job.comment("What an extension has made of a batch's pictures is left out: they are not of one size.")
            after = images
        moments.saving_asked(p)
        return pixels if torch.equal(after, before) else after.to(pixels) * 2 - 1

    def image_painted(self, job: Job, batch: Batch, index: int, image: Image.Image) -> Image.Image:
        p: Any = host.p
        p.batch_index = index
        if p.scripts is None or not p.scripts.wants("postprocess_image"):
            return image
        handed = PostprocessImageArgs(image, index)
        p.scripts.postprocess_image(p, handed)
        return _picture(handed.image, image)

    def overlay(self, job: Job, batch: Batch, index: int, overlay: Overlay | None) -> Overlay | None:
        p: Any = host.p
        overlay = batch_rows.overlay_as_listed(p, batch, index, overlay)
        if p.scripts is None or not p.scripts.wants("postprocess_maskoverlay"):
            return overlay
        handed = PostProcessMaskOverlayArgs(index, overlay and overlay.mask, overlay and laid_over(overlay))
        before = handed.mask_for_overlay, handed.overlay_image
        p.scripts.postprocess_maskoverlay(p, handed)
        if overlay is None or (handed.mask_for_overlay, handed.overlay_image) == before:
            return overlay
        return changed_overlay(overlay, handed.overlay_image, handed.mask_for_overlay, before)

    def image_ready(self, job: Job, batch: Batch, index: int, image: Image.Image) -> Image.Image:
        p: Any = host.p
        p.batch_index = index
        if p.scripts is None or not p.scripts.wants("postprocess_image_after_composite"):
            return image
        handed = PostprocessImageArgs(image, index)
        p.scripts.postprocess_image_after_composite(p, handed)
        return _picture(handed.image, image)

    def image_saving(self, job: Job, index: int, filing: Filing) -> Filing:
        filing = as_told_by_extensions(host.p, filing)
        if self.callbacks.has_callbacks("before_image_saved"):
            filing = changed_filing(self.callbacks, host.p, job, index, filing)
        self._saving = filing
        return filing

    def image_saved(self, job: Job, image: SavedImage) -> None:
        picture = self._saving.image if self._saving is not None else None
        if picture is not None:
            saved_as(picture, image)
        if self.callbacks.has_callbacks("image_saved"):
            params = handed_back(picture, host.p, str(image.path or ""), self._saving, image.infotext)
            self.callbacks.image_saved_callback(params)
        self._saving = None

    def sheet(self, job: Job, images: Sequence[Image.Image]) -> Sequence[Image.Image]:
        if not self.callbacks.has_callbacks("image_grid"):
            return images
        rows, columns = grid_size(len(images))
        params = ImageGridLoopParams(list(images), columns, rows)
        self.callbacks.image_grid_callback(params)
        return params.imgs

    def pictures_made(self, job: Job, images: Sequence[Image.Image]) -> None:
        p: Any = host.p
        texts = [image.infotext for image in job.progress.images]
        processed = Processed(p, list(images), (p.all_seeds or [-1])[0], texts[0] if texts else "", infotexts=texts)
        job.kept[course.PROCESSED] = processed
        if p.scripts is None or not p.scripts.wants("postprocess"):
            return
        p.scripts.postprocess(p, processed)
        if job.outer is None and processed.images != list(images):
            keep_pictures(job, processed, save=False)

    def extras_begin(self, job: Job, work: Work) -> None:
        host.job, host.p = job, None
        self._extras(job, work, None, ENLARGING)

    def extras_end(self, job: Job, work: Work) -> None:
        self._extras(job, work, ENLARGING, None)
        host.job = None

    def _extras(self, job: Job, work: Work, first: float | None, last: float | None) -> None:
        words: Any = importlib.import_module("modules.scripts_postprocessing")
        runner = words.scripts_postproc
        if not runner.scripts_in_preferred_order():
            return
        given = {title: thawed(args[0], job.owner) for title, args in job.request.alwayson_scripts.items() if args}
        pp = words.PostprocessedImage(work.image)
        runner.run_between(pp, runner.create_args_for_run(given), first, last)
        work.image = _picture(pp.image, work.image)
        work.facts |= {str(label): str(value) for label, value in pp.info.items()}
        others = [each.image if isinstance(each, words.PostprocessedImage) else each for each in pp.extra_images]
        work.others += [each for each in others if isinstance(each, Image.Image)]

    def job_ends(self, job: Job) -> None:
        if job.outer is not None and course.COURSE in job.outer.kept:
            job.outer.report(batch=job.outer.progress.batch + job.request.batches, step=0)
        if self._before:
            host.job, host.p, host.model = self._before.pop()
        if job.outer is None:
            self._guard.look(job, host.app.store)
            p = job.kept.pop(course.FACE, None)
            if p is not None and p._job is not None:
                moments.at_moment(p, "close")
            if p is not None and course.OUTSIDE in job.kept:
                p.release()


def _tensor(made: Any, before: Tensor) -> Tensor:
    """What a hook has left, if it can stand in the other's place."""
    fits = isinstance(made, torch.Tensor) and made.shape == before.shape
    return made.to(before) if fits else before


def _picture(made: Any, before: Image.Image) -> Image.Image:
    """What a hook has left, if it is a picture at all."""
    return made if isinstance(made, Image.Image) else before
