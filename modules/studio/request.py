"""What a person asked for: frozen, validated, with A1111's field names and defaults."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from modules.diffusion.errors import AquatintError
from modules.studio.hires_size import HiresSize, floored_to_eight, hires_size

LONGEST_PROMPT = 20_000
LARGEST_ARGUMENTS = 2_000_000
"""Characters of the JSON that the arguments of all scripts of a request make."""
UPLOAD = "aquatint_upload"
"""Among the arguments of scripts {UPLOAD: id} is a picture, by the id of its upload."""
LONGEST_INFOTEXT = 100_000
SIZE = r"\d{1,5}x\d{1,5}"
"""Width and height in pixels, as infotexts have them."""
MOST_PIXELS = 64 * 1024 * 1024
"""Pixels of one batch: width x height x batch_size."""

SAMPLER_FIELDS = ("eta", "s_churn", "s_tmin", "s_tmax", "s_noise")
"""The fields of a request that are handed to the sampler, where it knows them; None is the sampler's own default."""


class RequestError(AquatintError):
    """A request that cannot be run; `field` is the name of the first field that is wrong."""

    def __init__(self, text: str, field: str = "") -> None:
        super().__init__(text)
        self.field = field


Prompt = Annotated[str, Field(max_length=LONGEST_PROMPT)]
Name = Annotated[str, Field(max_length=1000)]
Seed = Annotated[int, Field(ge=-1, lt=2**63)]
Side = Annotated[int, Field(ge=64, le=8192), BeforeValidator(floored_to_eight)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Resize = Annotated[int, Field(ge=0, le=8192), BeforeValidator(floored_to_eight)]
"""A side that may be left open, which is 0."""
Folder = Annotated[str, Field(max_length=4000)]
"""Of this machine."""
Files = Annotated[tuple[str, ...], Field(max_length=10_000)]
PICTURE, MASK = "the picture", "its mask"
"""In a folder's batch: the ids of what is of a folder."""
PngInfo = Literal["Prompt", "Negative prompt", "Seed", "CFG scale", "Sampler", "Steps", "Model hash"]
"""What A1111 takes from a picture's parameters."""


class Request(BaseModel):
    """The fields that every kind of request has."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)
    kind: ClassVar[str]

    prompt: Prompt = ""
    negative_prompt: Prompt = ""
    styles: tuple[str, ...] = ()
    seed: Seed = -1
    subseed: Seed = -1
    subseed_strength: Fraction = 0
    seed_resize_from_w: Resize = 0
    seed_resize_from_h: Resize = 0
    sampler_name: str | None = None
    scheduler: str | None = None
    steps: Annotated[int, Field(ge=1, le=1000)] = 50
    cfg_scale: Annotated[float, Field(ge=0, le=1000)] = 7.0
    width: Side = 512
    height: Side = 512
    batch_size: Annotated[int, Field(ge=1, le=64)] = 1
    n_iter: Annotated[int, Field(ge=1, le=1000)] = 1
    eta: Annotated[float, Field(ge=0, le=10)] | None = None
    s_churn: Annotated[float, Field(ge=0, le=100)] | None = None
    s_tmin: Annotated[float, Field(ge=0, le=1000)] | None = None
    s_tmax: Annotated[float, Field(ge=0, le=1000)] | None = None
    s_noise: Annotated[float, Field(ge=0, le=10)] | None = None
    s_min_uncond: Annotated[float, Field(ge=0, le=1000)] | None = None
    cfg_rescale: Fraction = 0
    tiling: bool | None = None
    restore_faces: bool | None = None
    refiner_checkpoint: str | None = None
    refiner_switch_at: Fraction | None = None
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False
    override_settings: dict[str, Any] = {}
    script_name: str | None = None
    """The title of a script that the job is handed to."""
    script_args: tuple[Any, ...] = ()
    alwayson_scripts: dict[str, tuple[Any, ...]] = {}
    """The arguments of scripts that take part in every job, by title; they have their own defaults for the rest."""

    def pictures(self) -> tuple[str, ...]:
        """The ids of the uploads it needs."""
        return ()

    def uploads(self) -> tuple[str, ...]:
        """The ids of all uploads that it needs, those that scripts want among them."""
        return (*self.pictures(), *_uploads_in([*self.script_args, self.alwayson_scripts]))

    @property
    def batches(self) -> int:
        """How many batches are painted, one after another."""
        return self.n_iter

    @property
    def painted_size(self) -> tuple[int, int]:
        """(width, height) of the first pass, in pixels."""
        return self.width, self.height

    @model_validator(mode="after")
    def _scripts_can_be_kept(self) -> Request:
        if self.script_args or self.alwayson_scripts:
            try:
                text = json.dumps([self.script_args, self.alwayson_scripts], allow_nan=False)
            except (TypeError, ValueError, RecursionError):
                raise ValueError("arguments of scripts must be JSON") from None
            if len(text) > LARGEST_ARGUMENTS:
                raise ValueError(f"the arguments of scripts are longer than {LARGEST_ARGUMENTS:,} characters")
        return self

    @model_validator(mode="after")
    def _fits_in_memory(self) -> Request:
        if self.width * self.height * self.batch_size > MOST_PIXELS:
            raise ValueError(f"width x height x batch_size is more than {MOST_PIXELS:,} pixels")
        return self


def _uploads_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get(UPLOAD), str):
            yield value[UPLOAD]
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _uploads_in(each)


class Txt2Img(Request):
    """Words to pictures, in one pass or, with hires fix (`enable_hr`), once more in a larger size.

    What is blank of the second pass is as in the first; a side of `hr_resize` that is 0 follows the other.
    """

    kind: ClassVar[str] = "txt2img"

    enable_hr: bool = False
    denoising_strength: Fraction = 0.75
    """Of the second pass."""
    hr_scale: Annotated[float, Field(ge=1, le=8)] = 2.0
    hr_upscaler: str | None = None
    hr_second_pass_steps: Annotated[int, Field(ge=0, le=1000)] = 0
    hr_resize_x: Resize = 0
    hr_resize_y: Resize = 0
    hr_checkpoint_name: str | None = None
    hr_sampler_name: str | None = None
    hr_scheduler: str | None = None
    hr_prompt: Prompt = ""
    hr_negative_prompt: Prompt = ""
    hr_cfg: Annotated[float, Field(ge=0, le=1000)] | None = None
    firstpass_image: str | None = None
    """The id of an upload: a picture to be enlarged in the place of a first pass."""
    original_size: Annotated[str, Field(pattern=rf"^({SIZE})?$")] = ""
    """What that picture was first painted at; it changes nothing, and is in the parameters."""

    def pictures(self) -> tuple[str, ...]:
        return (self.firstpass_image,) if self.enable_hr and self.firstpass_image else ()

    @property
    def hires_size(self) -> HiresSize:
        """How large the second pass is."""
        return hires_size(self.width, self.height, self.hr_scale, self.hr_resize_x, self.hr_resize_y)

    @model_validator(mode="after")
    def _hires_fits_in_memory(self) -> Txt2Img:
        upscaled = self.hires_size.upscaled
        if self.enable_hr and (upscaled[0] * upscaled[1] * self.batch_size > MOST_PIXELS or max(upscaled) > 8192):
            raise ValueError(f"hires fix: {upscaled[0]} x {upscaled[1]} pixels are too many")
        return self


class Img2Img(Request):
    """A picture and words to pictures. Pictures are named by the ids that `Uploads` gave them."""

    kind: ClassVar[str] = "img2img"

    init_images: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]
    resize_mode: Annotated[int, Field(ge=0, le=3)] = 0
    denoising_strength: Fraction = 0.75
    initial_noise_multiplier: Annotated[float, Field(ge=0, le=10)] | None = None
    include_init_images: bool = False
    loops: Annotated[int, Field(ge=1, le=32)] = 1
    """So often is the result painted over again; the pictures of all loops are kept."""
    final_denoising_strength: Fraction | None = None
    """That of the last loop; None is the same in all."""
    denoising_curve: Literal["Aggressive", "Linear", "Lazy"] = "Linear"
    outpaint_left: Resize = 0
    outpaint_right: Resize = 0
    outpaint_up: Resize = 0
    outpaint_down: Resize = 0
    """Pixels that are painted beyond the picture, in addition to width and height."""
    outpaint_blur: Annotated[int, Field(ge=0, le=256)] = 8
    outpaint_fill: Literal["edges", "noise"] = "edges"
    """What the room is filled with at first: colours of the picture's edges, or noise like the picture."""
    outpaint_falloff: Annotated[float, Field(ge=0, le=4)] = 1.0
    outpaint_color_variation: Fraction = 0.05
    """Of the noise."""
    sd_upscale_upscaler: str | None = None
    """With one, the picture is enlarged and painted over tile by tile; a tile is as large as width x height."""
    sd_upscale_scale: Annotated[float, Field(ge=1, le=8)] = 2.0
    sd_upscale_overlap: Annotated[int, Field(ge=0, le=1024)] = 64

    def pictures(self) -> tuple[str, ...]:
        return self.init_images

    @property
    def batches(self) -> int:
        return self.n_iter * self.loops

    @property
    def painted_size(self) -> tuple[int, int]:
        across = self.width + self.outpaint_left + self.outpaint_right
        return across, self.height + self.outpaint_up + self.outpaint_down

    @property
    def outpaints(self) -> bool:
        return self.painted_size != (self.width, self.height)

    def strength_of(self, batch: int) -> float:
        """The denoising strength of a batch: from the first to the last loop by A1111's curve."""
        last, loop = self.final_denoising_strength, batch % self.loops
        if last is None or self.loops == 1:
            return self.denoising_strength
        way = loop / (self.loops - 1)
        curved = {"Aggressive": math.sin(way * math.pi / 2), "Linear": way, "Lazy": 1 - math.cos(way * math.pi / 2)}
        return self.denoising_strength + (last - self.denoising_strength) * curved[self.denoising_curve]

    @model_validator(mode="after")
    def _makes_sense(self) -> Img2Img:
        if self.outpaints and self.sd_upscale_upscaler:
            raise ValueError("outpainting and SD upscale cannot be done in one job")
        width, height = self.painted_size
        if width * height * self.batch_size > MOST_PIXELS or max(width, height) > 8192:
            raise ValueError(f"outpainting: {width} x {height} pixels are too many")
        return self


class Inpaint(Img2Img):
    """A picture, a mask and words: only the masked part (white) changes."""

    kind: ClassVar[str] = "inpaint"

    mask: str
    latent_mask: str | None = None
    """The id of another mask, for what changes in latent space and is filled; `mask` then says what shows."""
    mask_blur_x: Annotated[int, Field(ge=0, le=256)] = 4
    mask_blur_y: Annotated[int, Field(ge=0, le=256)] = 4
    mask_round: bool = True
    inpainting_fill: Annotated[int, Field(ge=0, le=3)] = 0
    inpaint_full_res: bool = True
    inpaint_full_res_padding: Annotated[int, Field(ge=0, le=2048)] = 0
    inpainting_mask_invert: Annotated[int, Field(ge=0, le=1)] = 0
    soft_inpainting: bool = False
    """The greys of the mask say how much may change."""
    soft_schedule_bias: Annotated[float, Field(ge=0, le=8)] = 1.0
    soft_preservation: Annotated[float, Field(ge=0, le=8)] = 0.5
    soft_contrast_boost: Annotated[float, Field(ge=1, le=32)] = 4.0
    soft_mask_influence: Fraction = 0.0
    soft_difference_threshold: Annotated[float, Field(ge=0, le=8)] = 0.5
    soft_difference_contrast: Annotated[float, Field(ge=0, le=8)] = 2.0

    def pictures(self) -> tuple[str, ...]:
        return (*self.init_images, self.mask, *filter(None, [self.latent_mask]))

    @model_validator(mode="after")
    def _has_one_mask(self) -> Inpaint:
        if self.outpaints or self.sd_upscale_upscaler:
            raise ValueError("outpainting and SD upscale are for whole pictures: use img2img, without a mask")
        return self


class Finished(BaseModel):
    """A finished picture: the id of its upload, the name of the file that it came from, and what was written in it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    name: Annotated[str, Field(max_length=1000)] = ""
    infotext: Annotated[str, Field(max_length=LONGEST_INFOTEXT)] = ""


class Extras(Request):
    """Finished pictures made larger, and the faces in them restored. No words, no checkpoint: fields for them count
    for nothing here."""

    kind: ClassVar[str] = "extras"

    images: Annotated[tuple[Finished, ...], Field(max_length=1000)] = ()
    input_dir: Folder = ""
    """A folder of this machine, whose pictures are taken instead of `images`."""
    files: Files = ()
    """Names in `input_dir`; found when the request is resolved."""
    resize_mode: Annotated[int, Field(ge=0, le=1)] = 0
    """0: by upscaling_resize; 1: to the width and height."""
    upscaling_resize: Annotated[float, Field(ge=1, le=8)] = 2
    upscaling_resize_w: Annotated[int, Field(ge=1, le=32_768)] = 512
    upscaling_resize_h: Annotated[int, Field(ge=1, le=32_768)] = 512
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: Fraction = 0
    gfpgan_visibility: Fraction = 0
    codeformer_visibility: Fraction = 0
    codeformer_weight: Fraction = 0
    """0: the face is rebuilt, 1: it stays near to what is there."""

    def pictures(self) -> tuple[str, ...]:
        return tuple(image.id for image in self.images)

    def name_of(self, index: int) -> str:
        """What the picture of that number was called, without its ending; "" when there is only one."""
        names = self.files or tuple(image.name for image in self.images)
        return PurePosixPath(names[index]).stem if len(names) > 1 else ""


class FolderBatch(Request):
    """A request of img2img or inpaint (`each`) for every picture of a folder; its own words and numbers say nothing."""

    kind: ClassVar[str] = "folder"

    each_kind: Literal["img2img", "inpaint"] = "img2img"
    each: dict[str, Any] = {}
    """Its fields; PICTURE and MASK stand for what changes."""
    input_dir: Folder = ""
    files: Files = ()
    """Names in `input_dir`; found when the request is resolved."""
    output_dir: Folder = ""
    """Blank is where pictures of img2img go."""
    leave_out_done: bool = True
    """What is in `output_dir` already is not made again."""
    inpaint_mask_dir: Folder = ""
    """Masks by equal names; blank is the mask of `each`."""
    png_info_props: tuple[PngInfo, ...] = ()
    """What a picture's own parameters decide."""
    png_info_dir: Folder = ""
    """Where the pictures with the parameters are; blank is `input_dir`."""

    def first(self) -> Request:
        """What the first picture is asked for with. Raises: RequestError."""
        return read_request(self.each_kind, self.each)

    def uploads(self) -> tuple[str, ...]:
        return tuple(id for id in self.first().uploads() if id not in (PICTURE, MASK))


class Merging(Request):
    """Checkpoints made into a new one, with the names of A1111's `run_modelmerger`; blank names are no models."""

    kind: ClassVar[str] = "merge"

    primary_model_name: Name = ""
    secondary_model_name: Name = ""
    tertiary_model_name: Name = ""
    interp_method: Literal["No interpolation", "Weighted sum", "Add difference"] = "Weighted sum"
    multiplier: Annotated[float, Field(ge=-10, le=10)] = 0.3
    save_as_half: bool = False
    custom_name: Name = ""
    checkpoint_format: Name = "safetensors"
    config_source: Annotated[int, Field(ge=0, le=3)] = 0
    """Whose settings (a .yaml beside it) go with it: 0 the first that has any, 1 B's, 2 C's, 3 nobody's."""
    bake_in_vae: Name = "None"
    discard_weights: Name = ""
    save_metadata: bool = True
    add_merge_recipe: bool = True
    copy_metadata_fields: bool = True
    metadata_json: Annotated[str, Field(max_length=LONGEST_INFOTEXT)] = "{}"
    target: Name = ""
    """Its place below the folder of checkpoints; found when the request is resolved."""


Kind = Literal["txt2img", "img2img", "inpaint", "extras", "folder", "merge"]
KINDS: dict[str, type[Request]] = {row.kind: row for row in (Txt2Img, Img2Img, Inpaint, Extras, FolderBatch, Merging)}


def read_request(kind: str, values: dict[str, Any]) -> Request:
    """Validates `values` as a request of `kind`.

    Raises: RequestError naming the first field that is wrong.
    """
    try:
        return KINDS[kind].model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise RequestError(f"{field or kind}: {first['msg']}", field) from None
