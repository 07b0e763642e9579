"""What A1111's REST API is sent, field by field, and what this version says about fields whose feature it lacks."""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from modules.diffusion.errors import AquatintError
from modules.diffusion.store import ModelStore
from modules.studio.declared import Declared
from modules.studio.infotext import restored_here
from modules.studio.request import Request, RequestError, Txt2Img, read_request
from modules.web.http_extensions import ScriptsAtHand, asked_of_scripts
from modules.web.http_scripts import script_values, soft_values

DEFAULT_SAMPLER = "Euler"


class Payload(BaseModel):
    """A JSON object as clients send it: null means the default, unknown keys are ignored, "true" and 1.0 are read."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _null_means_default(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            return {key: value for key, value in values.items() if value is not None}
        return values


class PicturePayload(Payload):
    """The fields that txt2img and img2img share, with A1111's defaults."""

    prompt: str = ""
    negative_prompt: str = ""
    styles: list[str] = []
    seed: int = -1
    subseed: int = -1
    subseed_strength: float = 0
    seed_resize_from_h: int = -1
    seed_resize_from_w: int = -1
    sampler_name: str = ""
    sampler_index: str = Field(DEFAULT_SAMPLER, description="The older name of sampler_name, which wins.")
    scheduler: str = ""
    batch_size: int = 1
    n_iter: int = 1
    steps: int = 50
    cfg_scale: float = 7.0
    width: int = 512
    height: int = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    do_not_save_samples: bool = Field(False, description="save_images decides.")
    do_not_save_grid: bool = Field(False, description="save_images decides.")
    eta: float | None = None
    s_churn: float = 0
    s_tmax: float | None = None
    s_tmin: float = 0
    s_noise: float | None = None
    s_min_uncond: float | None = None
    override_settings: dict[str, Any] = {}
    override_settings_restore_afterwards: bool = True
    refiner_checkpoint: str = ""
    refiner_switch_at: float | None = None
    disable_extra_networks: bool = False
    comments: dict[str, Any] = {}
    force_task_id: str = ""
    script_name: str = ""
    script_args: list[Any] = []
    alwayson_scripts: dict[str, Any] = {}
    send_images: bool = True
    save_images: bool = False
    cfg_rescale: float = Field(0, description="Ours: 0 to 1, against the burnt look of high guidance scales.")
    infotext: str = Field("", description="Fills the fields that are not sent.")

    @property
    def sampler(self) -> str:
        """The name that counts."""
        return self.sampler_name or self.sampler_index or DEFAULT_SAMPLER


class Txt2ImgPayload(PicturePayload):
    """POST /sdapi/v1/txt2img."""

    denoising_strength: float | None = None
    enable_hr: bool = False
    firstphase_width: int = 0
    firstphase_height: int = 0
    firstpass_image: str = ""
    hr_scale: float = 2.0
    hr_upscaler: str = ""
    hr_second_pass_steps: int = 0
    hr_resize_x: int = 0
    hr_resize_y: int = 0
    hr_checkpoint_name: str = ""
    hr_sampler_name: str = ""
    hr_scheduler: str = ""
    hr_prompt: str = ""
    hr_negative_prompt: str = ""
    hr_cfg: float | None = Field(None, description="Forge's guidance scale of the second pass.")


class Img2ImgPayload(PicturePayload):
    """POST /sdapi/v1/img2img. Pictures are base64, bare or as data URIs."""

    init_images: list[str] = []
    resize_mode: int = 0
    denoising_strength: float = 0.75
    image_cfg_scale: float | None = Field(None, description="Only InstructPix2Pix models would heed it.")
    mask: str = ""
    mask_blur: int | None = Field(None, description="Sets mask_blur_x and mask_blur_y.")
    mask_blur_x: int = 4
    mask_blur_y: int = 4
    mask_round: bool = True
    inpainting_fill: int = 0
    inpaint_full_res: bool = True
    inpaint_full_res_padding: int = 0
    inpainting_mask_invert: int = 0
    initial_noise_multiplier: float | None = None
    latent_mask: str = ""
    include_init_images: bool = False


def check_features(payload: PicturePayload, scripts: ScriptsAtHand) -> None:
    """Raises: RequestError naming the field whose feature is not there, rather than a picture made without it."""
    asked_of_scripts(payload, scripts, isinstance(payload, Img2ImgPayload))
    if isinstance(payload, Img2ImgPayload) and payload.latent_mask and not payload.mask:
        raise RequestError("latent_mask: it wants a mask beside it, which says what shows", "latent_mask")


def with_infotext(payload: PicturePayload, store: ModelStore, declared: Iterable[Declared] = ()) -> PicturePayload:
    """The payload, its unsent fields filled from its `infotext`; a checkpoint that is not here is passed over."""
    if not payload.infotext:
        return payload
    restored = restored_here(payload.infotext, store.find_vae, declared)
    sent = payload.model_fields_set | ({"sampler_name"} if "sampler_index" in payload.model_fields_set else set())
    values = {key: value for key, value in restored.values.items() if key in type(payload).model_fields}
    options = dict(restored.options)
    for name in restored.checkpoints:
        with contextlib.suppress(AquatintError):
            options.setdefault("sd_model_checkpoint", store.find(name).name)
    overrides = {"override_settings": {**options, **payload.override_settings}}
    return payload.model_copy(update={key: values[key] for key in values.keys() - sent} | overrides)


def _hires_values(payload: Txt2ImgPayload) -> dict[str, Any]:
    """What the oldest clients mean by `firstphase_width`: the size is that of the second pass."""
    values: dict[str, Any] = {}
    if payload.denoising_strength is None:
        values["denoising_strength"] = Txt2Img.model_fields["denoising_strength"].default
    if payload.enable_hr and (payload.firstphase_width > 0 or payload.firstphase_height > 0):
        values |= {"hr_resize_x": payload.width, "hr_resize_y": payload.height}
        values |= {"width": payload.firstphase_width or payload.width}
        values |= {"height": payload.firstphase_height or payload.height}
    return values


def request_of(payload: PicturePayload, scripts: ScriptsAtHand, pictures: list[str], **named: str | None) -> Request:
    """The request that the payload asks for; `pictures` are ids of uploads, and so are those of the fields `named`.

    Raises: RequestError naming the first field that is wrong.
    """
    values = payload.model_dump(exclude={"init_images"}) | named
    values |= asked_of_scripts(payload, scripts, isinstance(payload, Img2ImgPayload))
    values.update(sampler_name=payload.sampler, scheduler=payload.scheduler or None)
    neutral = {"s_churn": 0, "s_tmin": 0, "s_tmax": 0, "s_noise": 1}
    values.update({name: None for name, value in neutral.items() if values[name] == value})  # sent, but not a wish
    values["do_not_save_samples"] = values["do_not_save_grid"] = not payload.save_images
    values.update({name: max(0, values[name]) for name in ("seed_resize_from_w", "seed_resize_from_h")})
    if isinstance(payload, Txt2ImgPayload):
        return read_request("txt2img", {**values, **_hires_values(payload)})
    values["init_images"] = pictures
    values |= script_values(payload)
    if not values.get("mask"):
        return read_request("img2img", values)
    if values.get("mask_blur") is not None:
        values["mask_blur_x"] = values["mask_blur_y"] = values["mask_blur"]
    return read_request("inpaint", {**values, **soft_values(payload.alwayson_scripts)})


def picture_bytes(text: str) -> bytes:
    """A picture out of base64, bare or in a data URI. The server fetches no address for anybody.

    Raises: AquatintError.
    """
    if text[:8].lower().startswith(("http:", "https:", "file:", "ftp:")):
        raise AquatintError("Addresses are not fetched: send the picture itself, in base64.")
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        raise AquatintError("Invalid encoded image: it is not base64.") from None
