"""A1111's `modules.api.models`: what its API is sent and answers, as pydantic models that extensions build upon."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Open(BaseModel):
    """Unknown fields are kept: extensions add their own."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)


class StableDiffusionTxt2ImgProcessingAPI(_Open):
    """POST /sdapi/v1/txt2img."""

    prompt: str = ""
    negative_prompt: str = ""
    styles: list[str] | None = None
    seed: int = -1
    subseed: int = -1
    subseed_strength: float = 0
    seed_resize_from_h: int = -1
    seed_resize_from_w: int = -1
    sampler_name: str | None = None
    scheduler: str | None = None
    batch_size: int = 1
    n_iter: int = 1
    steps: int = 50
    cfg_scale: float = 7.0
    width: int = 512
    height: int = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False
    eta: float | None = None
    denoising_strength: float | None = None
    s_min_uncond: float | None = None
    s_churn: float | None = None
    s_tmax: float | None = None
    s_tmin: float | None = None
    s_noise: float | None = None
    override_settings: dict[str, Any] | None = None
    override_settings_restore_afterwards: bool = True
    refiner_checkpoint: str | None = None
    refiner_switch_at: float | None = None
    disable_extra_networks: bool = False
    firstpass_image: str | None = None
    comments: dict[str, Any] | None = None
    enable_hr: bool = False
    firstphase_width: int = 0
    firstphase_height: int = 0
    hr_scale: float = 2.0
    hr_upscaler: str | None = None
    hr_second_pass_steps: int = 0
    hr_resize_x: int = 0
    hr_resize_y: int = 0
    hr_checkpoint_name: str | None = None
    hr_sampler_name: str | None = None
    hr_scheduler: str | None = None
    hr_prompt: str = ""
    hr_negative_prompt: str = ""
    sampler_index: str = "Euler"
    script_name: str | None = None
    script_args: list[Any] = Field(default_factory=list)
    send_images: bool = True
    save_images: bool = False
    alwayson_scripts: dict[str, Any] = Field(default_factory=dict)
    force_task_id: str | None = None
    infotext: str | None = None


class StableDiffusionImg2ImgProcessingAPI(StableDiffusionTxt2ImgProcessingAPI):
    """POST /sdapi/v1/img2img."""

    init_images: list[Any] | None = None
    resize_mode: int = 0
    image_cfg_scale: float | None = None
    mask: str | None = None
    mask_blur_x: int = 4
    mask_blur_y: int = 4
    mask_blur: int | None = None
    mask_round: bool = True
    inpainting_fill: int = 0
    inpaint_full_res: bool = True
    inpaint_full_res_padding: int = 0
    inpainting_mask_invert: int = 0
    initial_noise_multiplier: float | None = None
    latent_mask: str | None = None
    include_init_images: bool = False
    denoising_strength: float | None = 0.75


class TextToImageResponse(BaseModel):
    """Its answer."""

    images: list[str] | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    info: str = ""


class ImageToImageResponse(TextToImageResponse):
    """Its answer."""


class ExtrasBaseRequest(_Open):
    """What the routes for finished pictures share."""

    resize_mode: int = 0
    show_extras_results: bool = True
    gfpgan_visibility: float = 0
    codeformer_visibility: float = 0
    codeformer_weight: float = 0
    upscaling_resize: float = 2
    upscaling_resize_w: int = 512
    upscaling_resize_h: int = 512
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: float = 0
    upscale_first: bool = False


class ExtraBaseResponse(BaseModel):
    """Their answer."""

    html_info: str = ""


class ExtrasSingleImageRequest(ExtrasBaseRequest):
    """One picture."""

    image: str = ""


class ExtrasSingleImageResponse(ExtraBaseResponse):
    """Its answer."""

    image: str | None = None


class FileData(BaseModel):
    """A picture and its name."""

    data: str = ""
    name: str = ""


class ExtrasBatchImagesRequest(ExtrasBaseRequest):
    """Several pictures."""

    imageList: list[FileData] = Field(default_factory=list)


class ExtrasBatchImagesResponse(ExtraBaseResponse):
    """Their answer."""

    images: list[str] = Field(default_factory=list)


class PNGInfoRequest(BaseModel):
    """POST /sdapi/v1/png-info."""

    image: str = ""


class PNGInfoResponse(BaseModel):
    """Its answer."""

    info: str = ""
    items: dict[str, Any] = Field(default_factory=dict)
    parameters: dict[str, Any] = Field(default_factory=dict)


class ProgressRequest(BaseModel):
    """GET /sdapi/v1/progress."""

    skip_current_image: bool = False


class ProgressResponse(BaseModel):
    """Its answer."""

    progress: float = 0
    eta_relative: float = 0
    state: dict[str, Any] = Field(default_factory=dict)
    current_image: str | None = None
    textinfo: str | None = None


class InterrogateRequest(BaseModel):
    """POST /sdapi/v1/interrogate."""

    image: str = ""
    model: str = "clip"


class InterrogateResponse(BaseModel):
    """Its answer."""

    caption: str | None = None


class SamplerItem(BaseModel):
    """A sampler."""

    name: str
    aliases: list[str] = Field(default_factory=list)
    options: dict[str, Any] = Field(default_factory=dict)


class UpscalerItem(BaseModel):
    """An upscaler."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    model_name: str | None = None
    model_path: str | None = None
    model_url: str | None = None
    scale: float | None = None


class SDModelItem(BaseModel):
    """A checkpoint."""

    model_config = ConfigDict(protected_namespaces=())

    title: str
    model_name: str
    hash: str | None = None
    sha256: str | None = None
    filename: str
    config: str | None = None


class SchedulerItem(BaseModel):
    """A noise schedule."""

    name: str
    label: str
    aliases: list[str] | None = None
    default_rho: float | None = None
    need_inner_model: bool | None = None


class LatentUpscalerModeItem(BaseModel):
    """A way to make latents larger."""

    name: str


class SDVaeItem(BaseModel):
    """A VAE."""

    model_config = ConfigDict(protected_namespaces=())

    model_name: str
    filename: str


class HypernetworkItem(BaseModel):
    """A hypernetwork."""

    name: str
    path: str | None = None


class FaceRestorerItem(BaseModel):
    """A network that restores faces."""

    name: str
    cmd_dir: str | None = None


class PromptStyleItem(BaseModel):
    """A style."""

    name: str
    prompt: str | None = None
    negative_prompt: str | None = None


class EmbeddingItem(BaseModel):
    """An embedding."""

    step: int | None = None
    sd_checkpoint: str | None = None
    sd_checkpoint_name: str | None = None
    shape: int
    vectors: int


class EmbeddingsResponse(BaseModel):
    """The embeddings that the checkpoint understands, and the others."""

    loaded: dict[str, EmbeddingItem]
    skipped: dict[str, EmbeddingItem]


class MemoryResponse(BaseModel):
    """How full the memories are."""

    ram: dict[str, Any]
    cuda: dict[str, Any]


class ScriptsList(BaseModel):
    """The scripts' titles."""

    txt2img: list[str] | None = None
    img2img: list[str] | None = None


class ScriptArg(BaseModel):
    """One argument of a script."""

    label: str | None = None
    value: Any = None
    minimum: Any = None
    maximum: Any = None
    step: Any = None
    choices: Any = None


class ScriptInfo(BaseModel):
    """A script."""

    name: str | None = None
    is_alwayson: bool | None = None
    is_img2img: bool | None = None
    args: list[ScriptArg] = Field(default_factory=list)


OptionsModel = _Open
FlagsModel = _Open
