"""A request's blanks filled, once, at submit; below that line nothing is blank and nothing reads settings."""

from __future__ import annotations

import random
from typing import Any

from modules.diffusion.errors import AquatintError
from modules.diffusion.latent_upscaling import find_latent_upscaler
from modules.diffusion.noise import WITHOUT_ITS_OWN
from modules.diffusion.samplers import SamplerRow, find_sampler, split_merged_name
from modules.diffusion.sigmas import AUTOMATIC, find_schedule
from modules.diffusion.store import ModelStore
from modules.studio.face_restoring import FaceRestorers
from modules.studio.request import SAMPLER_FIELDS, Img2Img, Request, RequestError, Txt2Img
from modules.studio.restore_faces import check_face_restorer
from modules.studio.settings import Options, with_overrides
from modules.studio.styles import Styles
from modules.studio.upscaling import Upscalers

DEFAULT_SAMPLER = "DPM++ 2M"
DEFAULT_HIRES_UPSCALER = "Latent"
DEFAULT_SWITCH_AT = 0.8


def resolve(
    request: Request,
    options: Options,
    store: ModelStore,
    styles: Styles,
    upscalers: Upscalers,
    faces: FaceRestorers,
) -> tuple[Request, Options]:
    """The request with seeds drawn, styles merged and names made canonical, and the options it will run with.

    Raises: AquatintError naming the checkpoint, VAE, sampler, scheduler or face restorer that does not exist.
    """
    options = with_overrides(options, request.override_settings)
    restore_faces = options.face_restoration if request.restore_faces is None else request.restore_faces
    if restore_faces:
        check_face_restorer(faces, options)
    sampler_name, merged_schedule = split_merged_name(request.sampler_name or DEFAULT_SAMPLER)
    sampler = find_sampler(sampler_name)
    prompt, negative_prompt = styles.apply(request.prompt, request.negative_prompt, request.styles)
    resolved = request.model_copy(
        update={
            "prompt": prompt,
            "negative_prompt": negative_prompt,
            "sampler_name": sampler.name,
            "scheduler": _schedule_label(merged_schedule or request.scheduler),
            "seed": _drawn(request.seed),
            "subseed": _drawn(request.subseed),
            "restore_faces": restore_faces,
            "tiling": options.tiling if request.tiling is None else request.tiling,
            "s_min_uncond": options.s_min_uncond if request.s_min_uncond is None else request.s_min_uncond,
            "override_settings": {},
        }
    )
    resolved = resolved.model_copy(update=_sampler_fields(resolved, options, sampler))
    checkpoint = checkpoint_name(options, store)
    resolved = resolved.model_copy(update=_refiner_fields(resolved, checkpoint, store))
    if isinstance(resolved, Img2Img) and resolved.sd_upscale_upscaler:
        name = upscalers.find(resolved.sd_upscale_upscaler).name
        resolved = resolved.model_copy(update={"sd_upscale_upscaler": name})
    if isinstance(resolved, Txt2Img):
        hires = _hires_fields(resolved, checkpoint, store, styles, upscalers) if resolved.enable_hr else _no_hires()
        resolved = resolved.model_copy(update=hires)
    made: dict[str, Any] = {"sd_model_checkpoint": checkpoint, "sd_vae": store.find_vae(options.sd_vae)}
    made |= {"randn_source": _noise_source(options, store), **_token_merging(resolved, options)}
    return resolved, options.model_copy(update=made)


def _token_merging(request: Request, options: Options) -> dict[str, float]:
    """The ratios of the job's passes; one of 0 is as that which stands before it."""
    of_img2img = options.token_merging_ratio_img2img if isinstance(request, Img2Img) else 0.0
    first = of_img2img or options.token_merging_ratio
    has_second = isinstance(request, Txt2Img) and request.enable_hr
    second = (options.token_merging_ratio_hr or first) if has_second else 0.0
    return {"token_merging_ratio": first, "token_merging_ratio_img2img": 0.0, "token_merging_ratio_hr": second}


def _noise_source(options: Options, store: ModelStore) -> str:
    """What "GPU" comes to on this machine, so that a picture says whose random numbers it has."""
    source, device = options.randn_source, store.hardware.device.type
    return "CPU" if source == "GPU" and device in WITHOUT_ITS_OWN else source


def checkpoint_name(options: Options, store: ModelStore) -> str:
    """The checkpoint that a job with these options uses: the chosen one, or the first there is."""
    if options.sd_model_checkpoint:
        return store.find(options.sd_model_checkpoint).name
    if not store.checkpoints:
        raise AquatintError("There is no checkpoint yet: put a .safetensors file into models/Stable-diffusion.")
    return store.checkpoints[0].name


def _schedule_label(name: str | None) -> str:
    """ "Automatic" stays a wish: the sampler's own schedule may get better, and the infotext says what was asked."""
    return AUTOMATIC if not name or name.casefold() == AUTOMATIC.casefold() else find_schedule(name).label


def _sampler_fields(request: Request, options: Options, sampler: SamplerRow) -> dict[str, float | None]:
    """What the request asks of the sampler, or else the options do.

    What it would do anyway, or does not know, is not asked for: clients send it, no infotext has it.
    """
    wanted = {name: getattr(request, name) for name in SAMPLER_FIELDS}
    named = {"eta": options.eta_ddim if sampler.on_timesteps else options.eta_ancestral}
    for name, value in wanted.items():
        asked = value if value is not None else named.get(name, getattr(options, name, None))
        default = sampler.options.get(name, asked)
        unlimited = name == "s_tmax" and asked == 0
        wanted[name] = None if asked == default or unlimited else asked
    return wanted


def _refiner_fields(request: Request, checkpoint: str, store: ModelStore) -> dict[str, Any]:
    """A refiner that is the checkpoint itself is none. Raises: AquatintError for one that is not there or cannot be."""
    name = request.refiner_checkpoint or ""
    if not name or name.casefold() == "none":
        return {"refiner_checkpoint": None, "refiner_switch_at": None}
    refiner = store.find(name)
    if refiner.name == checkpoint:
        return {"refiner_checkpoint": None, "refiner_switch_at": None}
    own, other = store.find(checkpoint).family, refiner.family
    if own.latent_scale and other.latent_scale and own.latent_scale != other.latent_scale:
        raise RequestError(
            f"{refiner.stem} cannot refine what {checkpoint} begins: {other.name} and {own.name} have different"
            " latents. Choose a refiner of the same family.",
            "refiner_checkpoint",
        )
    switch_at = DEFAULT_SWITCH_AT if request.refiner_switch_at is None else request.refiner_switch_at
    return {"refiner_checkpoint": refiner.name, "refiner_switch_at": switch_at}


def _hires_fields(
    request: Txt2Img, checkpoint: str, store: ModelStore, styles: Styles, upscalers: Upscalers
) -> dict[str, Any]:
    """The second pass without blanks but for its prompts, which follow what hooks make of the first ones.

    Raises: AquatintError naming what does not exist.
    """
    sampler_name, merged_schedule = split_merged_name(_said(request.hr_sampler_name) or request.sampler_name or "")
    scheduler = merged_schedule or _said(request.hr_scheduler)
    own = _said(request.hr_checkpoint_name)
    prompts = request.hr_prompt, request.hr_negative_prompt
    with_styles = styles.apply(*prompts, request.styles)
    return {
        "hr_upscaler": upscaler_name(request.hr_upscaler or DEFAULT_HIRES_UPSCALER, upscalers),
        "hr_second_pass_steps": request.hr_second_pass_steps or request.steps,
        "hr_sampler_name": find_sampler(sampler_name).name,
        "hr_scheduler": _schedule_label(scheduler) if scheduler else request.scheduler,
        "hr_checkpoint_name": store.find(own).name if own and store.find(own).name != checkpoint else None,
        "hr_prompt": with_styles[0] if prompts[0] else "",
        "hr_negative_prompt": with_styles[1] if prompts[1] else "",
        "hr_cfg": request.cfg_scale if request.hr_cfg is None else request.hr_cfg,
    }


def _no_hires() -> dict[str, Any]:
    """Clients send the fields of a second pass without asking for one: they are no part of the frozen job."""
    fields = Txt2Img.model_fields.keys() - Request.model_fields.keys()
    return {name: Txt2Img.model_fields[name].default for name in fields}


def upscaler_name(name: str, upscalers: Upscalers) -> str:
    """The own name of an upscaler for hires fix. Raises: AquatintError saying what there is."""
    latent = find_latent_upscaler(name)
    return latent.name if latent else upscalers.find(name).name


def _said(name: str | None) -> str:
    """A choice of the second pass; A1111's "Use same sampler" and so on say nothing."""
    return "" if not name or name.casefold().startswith("use same ") else name


def _drawn(seed: int) -> int:
    """A1111 draws seeds of 32 bits, and so does everybody's infotext."""
    return seed if seed >= 0 else random.randrange(2**32)
