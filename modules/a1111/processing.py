"""A1111's processing: p, what makes pictures from it, and what comes of that."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor

from modules.studio.infotext import write_infotext
from modules.studio.infotext_row import ModelFacts

from . import (
    devices,
    errors,
    extra_networks,
    face_restoration,
    images,
    infotext_utils,
    masking,
    paths,
    prompt_parser,
    rng,
    scripts,
    sd_models,
    sd_samplers,
    sd_samplers_common,
    sd_unet,
    sd_vae,
    shared,
    styles,
)
from .bridge import course, face_defaults, face_sampling, moments, second_pass
from .bridge.batch_rows import BATCH_ROWS
from .bridge.containment import containment
from .bridge.face import SHARED_ROWS, Face, Row
from .bridge.hires_rows import TXT2IMG_ROWS
from .bridge.host import host
from .bridge.missing import refuse
from .bridge.picture_rows import IMG2IMG_ROWS
from .bridge.pictures import (
    DecodedSamples,
    apply_color_correction,
    apply_overlay,
    create_binary_mask,
    decode_first_stage,
    decode_latent_batch,
    img2img_image_conditioning,
    old_hires_fix_first_pass_dimensions,
    setup_color_correction,
    txt2img_image_conditioning,
    uncrop,
)
from .bridge.processed import Processed, program_version
from .rng import ImageRNG, slerp
from .sd_hijack import model_hijack
from .sd_samplers_common import approximation_indexes, images_tensor_to_samples
from .shared import cmd_opts, opts, state

__all__ = [
    "DecodedSamples",
    "Processed",
    "StableDiffusionProcessing",
    "StableDiffusionProcessingImg2Img",
    "StableDiffusionProcessingTxt2Img",
    "apply_color_correction",
    "apply_overlay",
    "approximation_indexes",
    "cmd_opts",
    "create_binary_mask",
    "create_infotext",
    "create_random_tensors",
    "decode_first_stage",
    "decode_latent_batch",
    "devices",
    "errors",
    "extra_networks",
    "face_restoration",
    "fix_seed",
    "get_fixed_seed",
    "images",
    "images_tensor_to_samples",
    "infotext_utils",
    "masking",
    "model_hijack",
    "old_hires_fix_first_pass_dimensions",
    "opt_C",
    "opt_f",
    "opts",
    "paths",
    "process_images",
    "process_images_inner",
    "program_version",
    "prompt_parser",
    "rng",
    "scripts",
    "sd_models",
    "sd_samplers",
    "sd_samplers_common",
    "sd_unet",
    "sd_vae",
    "setup_color_correction",
    "shared",
    "slerp",
    "state",
    "styles",
    "txt2img_image_conditioning",
    "uncrop",
]

opt_C = 4
opt_f = 8


class StableDiffusionProcessing(Face):
    """A job in A1111's words: `Face` says how. Without one, what `process_images` makes one from."""

    ROWS: ClassVar[dict[str, Row]] = {**SHARED_ROWS, **BATCH_ROWS}
    DEFAULTS: ClassVar[dict[str, Any]] = face_defaults.SHARED
    cached_c: Any = None
    cached_uc: Any = None  # some extensions empty them; nothing is kept between jobs

    def __init__(self, **words: Any) -> None:
        unknown = words.keys() - self.DEFAULTS.keys()
        if unknown:
            name = type(self).__name__
            raise TypeError(f"{name}.__init__() got an unexpected keyword argument {sorted(unknown)[0]!r}")
        model = words.pop("sd_model", None)
        for name, value in {**self.DEFAULTS, **face_defaults.state(), **words}.items():
            if name not in ("sd_model", "scripts_value", "script_args_value"):
                setattr(self, name, value)
        self._model: Any = model
        self._scripts = words.get("scripts_value")
        self._script_args = words.get("script_args_value")
        own = vars(self)
        for name, empty in (("styles", list), ("override_settings", dict), ("extra_generation_params", dict)):
            own[name] = empty() if own[name] is None else own[name]
        own["sampler_name"] = own["sampler_name"] or own["sampler_index"]

    def __copy__(self) -> StableDiffusionProcessing:
        """A plain one, whatever this is the face of."""
        twin = type(self).__new__(type(self))
        vars(twin).update({name: value for name, value in vars(self).items() if name not in HIDDEN})
        vars(twin).update(self.values())
        return twin

    @property
    def sd_model(self) -> Any:
        """What `shared.sd_model` is."""
        from . import shared

        return self._model or shared.sd_model

    @sd_model.setter
    def sd_model(self, value: Any) -> None:
        self._model = value

    @property
    def scripts(self) -> Any:
        """The scripts that take part."""
        return self._scripts

    @scripts.setter
    def scripts(self, value: Any) -> None:
        self._scripts = value
        self._set_up()

    @property
    def script_args(self) -> Any:
        """The arguments of all scripts, one after another."""
        return self._script_args

    @script_args.setter
    def script_args(self, value: Any) -> None:
        self._script_args = value
        self._set_up()

    scripts_value = scripts
    script_args_value = script_args

    def _set_up(self) -> None:
        if self._scripts and self._script_args and not self.scripts_setup_complete:
            self.setup_scripts()

    def setup_scripts(self) -> None:
        """Calls `setup` of each script, once."""
        self.scripts_setup_complete = True
        self.scripts.setup_scrips(self, is_ui=not self.is_api)

    def comment(self, text: str) -> None:
        """Tells the person something."""
        self.comments[text] = 1
        if self._job is not None:
            self._job.comment(text)

    def close(self) -> None:
        """Gives free what was kept of prompts."""
        self.sampler = self.c = self.uc = None

    def save_samples(self) -> bool:
        """Whether its pictures are files."""
        return moments.saves_samples(self)

    def setup_prompts(self) -> None:
        """A prompt for each picture, from `prompt`, `negative_prompt` and `styles`."""
        moments.prompts_set_up(self)

    def setup_conds(self) -> None:
        """The engine reads the prompts."""

    def get_conds(self) -> tuple[Any, Any]:
        """What the prompts of the running pass say to the network."""
        return self.c, self.uc

    def init(self, all_prompts: Any, all_seeds: Any, all_subseeds: Any) -> None:
        """The engine does it."""

    def sample(
        self,
        conditioning: Any = None,
        unconditional_conditioning: Any = None,
        seeds: Any = None,
        subseeds: Any = None,
        subseed_strength: Any = None,
        prompts: Any = None,
    ) -> Any:
        """The latents (B, C, h, w) of the running batch, after all its passes. Extensions put their own in its place,
        on the object or in a class of theirs: it is called instead. Raises: NotHereError outside of a batch."""
        return face_sampling.sampled_by_default(self, conditioning, unconditional_conditioning)

    def txt2img_image_conditioning(self, x: Any, width: int | None = None, height: int | None = None) -> Any:
        """What models that see a picture are told where there is none: (B, 5, h, w), for others (B, 5, 1, 1)."""
        return moments.conditioning_without_picture(self, x, width or self.width, height or self.height)

    def depth2img_image_conditioning(self, source_image: Any) -> Any:
        """Raises: NotHereError."""
        refuse("p.depth2img_image_conditioning", "checkpoints that are told of depth are not known")

    def edit_image_conditioning(self, source_image: Any) -> Any:
        """Raises: NotHereError."""
        refuse("p.edit_image_conditioning", "InstructPix2Pix checkpoints are not known")

    def unclip_image_conditioning(self, source_image: Any) -> Any:
        """Raises: NotHereError."""
        refuse("p.unclip_image_conditioning", "unCLIP checkpoints are not known")

    def img2img_image_conditioning(
        self, source_image: Any, latent_image: Any, image_mask: Any = None, round_image_mask: bool = True
    ) -> Any:
        """What A1111 hands to models that see a picture, (B, 3, H, W) in [-1, 1], and its mask."""
        weight = self.inpainting_mask_weight if self._job is not None else shared.opts.inpainting_mask_weight
        return img2img_image_conditioning(source_image, latent_image, image_mask, round_image_mask, weight)

    inpainting_image_conditioning = img2img_image_conditioning

    def fill_fields_from_opts(self) -> None:
        """Done when the job was asked for."""

    def parse_extra_network_prompts(self) -> Any:
        """Puts what the first prompt names in <kind:name:...> into `extra_network_data`, by kind. The prompts keep it:
        the engine reads it there."""
        self.extra_network_data = course.networks_in(list(self.prompts or [self.prompt]))
        return self.extra_network_data

    def clear_prompt_cache(self) -> None:
        """Nothing is kept."""
        self.cached_c, self.cached_uc = [None, None, None], [None, None, None]

    def cached_params(self, *words: Any, **others: Any) -> tuple[Any, ...]:
        """By what A1111 knows whether it has read these prompts already."""
        options = ("CLIP_stop_at_last_layers", "sd_model_checkpoint", "emphasis", "use_old_scheduling")
        told = [getattr(shared.opts, name, None) for name in options]
        return (*words, *others.values(), *told, self.width, self.height)

    def get_conds_with_caching(
        self,
        function: Callable[..., Any],
        required_prompts: Any,
        steps: int,
        caches: Any = None,
        extra_network_data: Any = None,
        hires_steps: int | None = None,
    ) -> Any:
        """What `function` (one of `prompt_parser`) makes of the prompts; it is put into the first of the caches."""
        said = function(self.sd_model, required_prompts, steps, hires_steps, shared.opts.use_old_scheduling)
        for cache in (caches or [])[:1]:
            cache[:2] = [self.cached_params(required_prompts, steps, hires_steps), said]
        return said

    def get_token_merging_ratio(self, for_hr: bool = False) -> float:
        """The ratio of the first pass, or of the second one."""
        return moments.merging_ratio(self, for_hr=for_hr)


HIDDEN = ("_job", "_batch", "_pass", "_words", "_stepping", "_own")


class StableDiffusionProcessingTxt2Img(StableDiffusionProcessing):
    """Words to pictures."""

    ROWS: ClassVar[dict[str, Row]] = {**TXT2IMG_ROWS, **BATCH_ROWS}
    DEFAULTS: ClassVar[dict[str, Any]] = face_defaults.TXT2IMG
    cached_hr_c = cached_hr_uc = None

    def calculate_target_resolution(self) -> None:
        """`hr_upscale_to_x` and `hr_upscale_to_y`, from the fields of hires fix."""
        moments.target_resolution(self)

    def calculate_hr_conds(self) -> None:
        """The engine reads the prompts."""

    def get_conds(self) -> tuple[Any, Any]:
        """What the prompts of the running pass say to the network."""
        return (self.hr_c, self.hr_uc) if self.is_hr_pass else super().get_conds()

    def sample_hr_pass(
        self, samples: Any, decoded_samples: Any, seeds: Any, subseeds: Any, subseed_strength: Any, prompts: Any
    ) -> Any:
        """The second pass of hires fix over latents (B, C, h, w), or over pictures (B, 3, H, W) in [-1, 1] where the
        upscaler enlarges pictures: a list of pictures (3, H, W). Extensions put their own in its place: it is called
        instead. Raises: NotHereError outside of a batch."""
        return second_pass.enlarged_by_default(self, samples, decoded_samples)


class StableDiffusionProcessingImg2Img(StableDiffusionProcessing):
    """Pictures and words to pictures; with a mask, inpainting."""

    ROWS: ClassVar[dict[str, Row]] = {**IMG2IMG_ROWS, **BATCH_ROWS}
    DEFAULTS: ClassVar[dict[str, Any]] = face_defaults.IMG2IMG

    def __init__(self, **words: Any) -> None:
        super().__init__(**words)
        own = vars(self)
        own["image_mask"], own["mask"] = own["mask"], None
        if own["mask_blur"] is not None:
            own["mask_blur_x"] = own["mask_blur_y"] = own["mask_blur"]


def process_images(p: Any) -> Processed:
    """Makes the pictures that p asks for: within a job as a part of it, otherwise as a job of its own.

    Raises: AquatintError.
    """
    return process_images_inner(p)


def process_images_inner(p: Any) -> Processed:
    """As `process_images`; some extensions put their own in its place."""
    with containment.out():
        made = course.within(p, host.job_here) if host.job_here is not None else course.from_outside(p)
    return made if isinstance(made, Processed) else Processed(p, [])


def get_fixed_seed(seed: Any) -> int:
    """A seed, drawn where none is given."""
    number = int(seed) if isinstance(seed, int | float) or str(seed).lstrip("-").isdecimal() else -1
    return random.randrange(4294967294) if number == -1 else number


def fix_seed(p: Any) -> None:
    """Draws the seeds of p that were left open."""
    p.seed, p.subseed = get_fixed_seed(p.seed), get_fixed_seed(p.subseed)


def create_random_tensors(
    shape: Any,
    seeds: Any,
    subseeds: Any = None,
    subseed_strength: float = 0.0,
    seed_resize_from_h: int = 0,
    seed_resize_from_w: int = 0,
    p: Any = None,
) -> Tensor:
    """(B, C, h, w): the noise that pictures of these seeds begin with."""
    return ImageRNG(shape, seeds, subseeds, subseed_strength, seed_resize_from_h, seed_resize_from_w).next()


def create_infotext(
    p: Any,
    all_prompts: list[str] | None = None,
    all_seeds: list[int] | None = None,
    all_subseeds: list[int] | None = None,
    comments: Any = None,
    iteration: int = 0,
    position_in_batch: int = 0,
    use_main_prompt: bool = False,
    index: int | None = None,
    all_negative_prompts: list[str] | None = None,
    all_hr_prompts: list[str] | None = None,
    all_hr_negative_prompts: list[str] | None = None,
) -> str:
    """The parameters of one picture of p."""
    number = 0 if use_main_prompt else index
    if number is None:
        number = position_in_batch + iteration * int(p.batch_size)
    job = course.job_to_describe(p, all_prompts, all_negative_prompts, all_seeds, all_subseeds)
    facts = ModelFacts.of(host.model) if host.model is not None else ModelFacts()
    return write_infotext(job, min(number, len(job.prompts) - 1), facts)
