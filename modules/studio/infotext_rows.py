"""The table of an infotext: one row per entry, written from a job and read into a request or the options."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from modules.studio.infotext_row import Read, Row, Source, Write, size, switch, whole, word
from modules.studio.request import Img2Img, Inpaint, Request, Txt2Img
from modules.studio.settings import Options

R = TypeVar("R", bound=Request)
OLD_TIMELINES = "Old prompt editing timelines"

SIDES = ("outpaint_left", "outpaint_right", "outpaint_up", "outpaint_down")
SOFT = (
    ("schedule bias", "soft_schedule_bias"),
    ("preservation strength", "soft_preservation"),
    ("transition contrast boost", "soft_contrast_boost"),
    ("mask influence", "soft_mask_influence"),
    ("difference threshold", "soft_difference_threshold"),
    ("difference contrast", "soft_difference_contrast"),
)
"""A1111's labels of soft inpainting, and our fields."""
MASK_MODES = ("Inpaint masked", "Inpaint not masked")
MASKED_CONTENTS = ("fill", "original", "latent noise", "latent nothing")
INPAINT_AREAS = ("Whole picture", "Only masked")
RESIZE_MODES = ("Just resize", "Crop and resize", "Resize and fill", "Just resize (latent upscale)")


def _field(name: str, parse: Callable[[str], object]) -> Read:
    return lambda text: {name: parse(text)}


def _only(kind: type[R], write: Callable[[R], object]) -> Write:
    return lambda source: write(source.request) if isinstance(source.request, kind) else None


def _option(name: str) -> Write:
    """An option's value, left out when it is the default."""
    default = Options.model_fields[name].default
    return lambda source: None if (value := getattr(source.options, name)) == default else value


def _option_row(label: str, name: str, parse: Callable[[str], object]) -> Row:
    """An option that is as it begins when a text says nothing of it."""
    return Row(label, _option(name), _field(name, parse), str(Options.model_fields[name].default))


def _token_merging(text: str) -> dict[str, Any]:
    """A1111 says what counted for the picture, whichever of two options it came from."""
    return {"token_merging_ratio": float(text), "token_merging_ratio_img2img": 0.0}


def _one_of(choices: tuple[str, ...]) -> Callable[[str], int]:
    """The number of a choice; ValueError when it is none of them."""
    return lambda text: choices.index(text)


def _sampler(text: str) -> dict[str, Any]:
    # Imported here: the samplers bring torch, which a text does not need.
    from modules.diffusion.samplers import split_merged_name

    sampler, scheduler = split_merged_name(word(text))
    return {"sampler_name": sampler} | ({"scheduler": scheduler} if scheduler else {})


def _on_timesteps(source: Source) -> bool:
    """A1111 has another name for the eta of DDIM."""
    return (source.request.sampler_name or "").startswith("DDIM")


def _mask_blur(text: str) -> dict[str, Any]:
    return {"mask_blur_x": whole(text), "mask_blur_y": whole(text)}


def _noise_multiplier(source: Source) -> object:
    if not isinstance(source.request, Img2Img):
        return None
    asked = source.request.initial_noise_multiplier
    multiplier = source.options.initial_noise_multiplier if asked is None else asked
    return multiplier if multiplier != 1 else None


def _model_name(source: Source) -> object:
    return source.model.name if source.options.add_model_name_to_info else None


def _choice(name: str) -> Read:
    """None where there is none, or it is A1111's "Use same ..."."""
    return lambda text: {name: word(text) if text and not text.startswith("Use same") else None}


def _seed_resize(source: Source) -> object:
    width, height = source.request.seed_resize_from_w, source.request.seed_resize_from_h
    return f"{width}x{height}" if width and height else None


def _seed_resize_from(text: str) -> dict[str, Any]:
    width, height = text.split("x")
    return {"seed_resize_from_w": whole(width), "seed_resize_from_h": whole(height)}


def _denoising_strength(source: Source) -> object:
    request = source.request
    if isinstance(request, Img2Img):
        batch = source.index // request.batch_size
        strength = request.strength_of(batch)
        return round(strength, 6) if batch % request.loops else strength
    return request.denoising_strength if isinstance(request, Txt2Img) and request.enable_hr else None


def _hires(write: Callable[[Txt2Img], object]) -> Write:
    """Of jobs with a second pass only."""
    return _only(Txt2Img, lambda request: write(request) if request.enable_hr else None)


def _hires_text(field: Literal["hr_prompt", "hr_negative_prompt"]) -> Write:
    """The second pass's own prompt, as the picture has it."""

    def write(source: Source) -> object:
        if not isinstance(source.request, Txt2Img) or not source.request.enable_hr:
            return None
        of_images: list[str] = getattr(source.job, f"{field}s")
        return (of_images[source.index] if of_images else getattr(source.request, field)) or None

    return write


def _stem(name: str | None) -> str | None:
    """A checkpoint as A1111 names it in a text: without its folders and its suffix."""
    return re.sub(r"\.(safetensors|ckpt)$", "", name.rpartition("/")[2]) if name else None


def _hires_sampler(request: Txt2Img) -> object:
    return request.hr_sampler_name if request.hr_sampler_name != request.sampler_name else None


def _hires_scheduler(request: Txt2Img) -> object:
    return request.hr_scheduler if request.hr_scheduler != request.scheduler else None


def _is_resized(request: Txt2Img) -> bool:
    return bool(request.hr_resize_x or request.hr_resize_y)


def _hires_scale(text: str) -> dict[str, Any]:
    return {"enable_hr": True, "hr_scale": float(text)} if text else {"enable_hr": False}


def _hires_resize(text: str) -> dict[str, Any]:
    width, height = map(whole, text.split("x"))
    size = {"hr_resize_x": width, "hr_resize_y": height}
    return {"enable_hr": True, **size} if width or height else size


def _outpaint(request: Img2Img) -> object:
    return ", ".join(str(getattr(request, side)) for side in SIDES) if request.outpaints else None


def _noisy(write: Callable[[Img2Img], object]) -> Write:
    """Of outpainting with noise only."""
    return _only(
        Img2Img, lambda request: write(request) if request.outpaints and request.outpaint_fill != "edges" else None
    )


def _outpaint_sides(text: str) -> dict[str, Any]:
    return dict(zip(SIDES, map(whole, text.split(",")), strict=True))


def _final_strength(text: str) -> dict[str, Any]:
    return {"final_denoising_strength": float(text) if text else None}


def _tiled(write: Callable[[Img2Img], object]) -> Write:
    """Of SD upscale only."""
    return _only(Img2Img, lambda request: write(request) if request.sd_upscale_upscaler else None)


def _looped(write: Callable[[Img2Img], object]) -> Write:
    """Of loopback only."""
    return _only(Img2Img, lambda request: write(request) if request.loops > 1 else None)


def _soft_switch(text: str) -> dict[str, Any]:
    return {"soft_inpainting": switch(text)}


def _soft_row(label: str, name: str) -> Row:
    write = _only(Inpaint, lambda request: getattr(request, name) if request.soft_inpainting else None)
    return Row(label, write, _field(name, float))


def _extra_noise(source: Source) -> object:
    begins_with_picture = _denoising_strength(source) is not None
    return (source.options.img2img_extra_noise or None) if begins_with_picture else None


def _face_restorer(source: Source) -> object:
    return source.options.face_restoration_model if source.request.restore_faces else None


def _face_restoration(text: str) -> dict[str, Any]:
    return {"restore_faces": True, "face_restoration_model": text} if text else {"restore_faces": False}


def _codeformer_weight(source: Source) -> object:
    """Ours: A1111 does not write it."""
    used = _face_restorer(source) == "CodeFormer" and source.options.code_former_weight != 0.5
    return source.options.code_former_weight if used else None


def _mask_weight(source: Source) -> object:
    weight = source.options.inpainting_mask_weight
    return weight if weight != 1 and isinstance(source.request, Img2Img) else None


def _init_image_hash(source: Source) -> object:
    """Which of the pictures that are kept in outdir_init_images this one began with."""
    hashes = source.job.init_hashes
    return hashes[source.index % source.request.batch_size % len(hashes)] if hashes else None


def _original_size(request: Txt2Img) -> object:
    """Forge's: of a finished picture that is painted once more."""
    return request.original_size or None if request.firstpass_image else None


def _color_correction(source: Source) -> object:
    return source.options.img2img_color_correction or None if isinstance(source.request, Img2Img) else None


ROWS: tuple[Row, ...] = (
    Row("Steps", lambda s: s.request.steps, _field("steps", whole)),
    Row("Sampler", lambda s: s.request.sampler_name, _sampler),
    Row("Schedule type", lambda s: s.request.scheduler, _field("scheduler", word), "Automatic"),
    Row("CFG scale", lambda s: s.request.cfg_scale, _field("cfg_scale", float)),
    Row("Seed", lambda s: s.job.seeds[s.index], _field("seed", whole)),
    Row("Face restoration", _face_restorer, _face_restoration, ""),
    Row("Size", lambda s: f"{s.request.width}x{s.request.height}", size),
    Row("Model hash", lambda s: s.model.hash or None),
    Row("Model", lambda s: _model_name(s) or None),
    Row("VAE hash", lambda s: s.model.vae_hash or None),
    Row("VAE", lambda s: s.model.vae_name or None, _field("sd_vae", word)),
    Row(
        "Variation seed",
        lambda s: s.job.subseeds[s.index] if s.request.subseed_strength else None,
        _field("subseed", whole),
    ),
    Row(
        "Variation seed strength",
        lambda s: s.request.subseed_strength or None,
        _field("subseed_strength", float),
        "0",
    ),
    Row("Seed resize from", _seed_resize, _seed_resize_from, "0x0"),
    Row("Denoising strength", _denoising_strength, _field("denoising_strength", float)),
    Row(
        "Clip skip",
        lambda s: s.options.CLIP_stop_at_last_layers if s.options.CLIP_stop_at_last_layers > 1 else None,
        _field("CLIP_stop_at_last_layers", whole),
        "1",
    ),
    Row("ENSD", lambda s: s.options.eta_noise_seed_delta or None, _field("eta_noise_seed_delta", whole), "0"),
    _option_row("Emphasis", "emphasis", str),
    _option_row("Prompt word wrap length limit", "comma_padding_backtrack", whole),
    _option_row(OLD_TIMELINES, "use_old_scheduling", switch),
    Row("Token merging ratio", _option("token_merging_ratio"), _token_merging, "0"),
    _option_row("Token merging ratio hr", "token_merging_ratio_hr", float),
    Row("Init image hash", _init_image_hash),
    Row("RNG", lambda s: s.options.randn_source, _field("randn_source", str), "NV"),
    Row("Tiling", lambda s: s.request.tiling or None, _field("tiling", switch), "False"),
    Row("Hires checkpoint", _hires(lambda r: _stem(r.hr_checkpoint_name)), _choice("hr_checkpoint_name"), ""),
    Row("Hires sampler", _hires(_hires_sampler), _choice("hr_sampler_name"), ""),
    Row("Hires schedule type", _hires(_hires_scheduler), _choice("hr_scheduler"), ""),
    Row("Hires CFG Scale", _hires(lambda r: r.hr_cfg if r.hr_cfg != r.cfg_scale else None), _field("hr_cfg", float)),
    Row("Hires prompt", _hires_text("hr_prompt"), _field("hr_prompt", str), ""),
    Row("Hires negative prompt", _hires_text("hr_negative_prompt"), _field("hr_negative_prompt", str), ""),
    Row("Hires upscale", _hires(lambda r: None if _is_resized(r) else r.hr_scale), _hires_scale, ""),
    Row(
        "Hires resize",
        _hires(lambda r: f"{r.hr_resize_x}x{r.hr_resize_y}" if _is_resized(r) else None),
        _hires_resize,
        "0x0",
    ),
    Row(
        "Hires steps",
        _hires(lambda r: r.hr_second_pass_steps if r.hr_second_pass_steps != r.steps else None),
        _field("hr_second_pass_steps", whole),
        "0",
    ),
    Row("Original Size", _hires(_original_size), _field("original_size", str)),
    Row("Hires upscaler", _hires(lambda r: r.hr_upscaler), _field("hr_upscaler", word)),
    _option_row("Hires refiner", "hires_fix_refiner_pass", str),
    Row("Refiner", lambda s: _stem(s.request.refiner_checkpoint), _choice("refiner_checkpoint"), ""),
    Row("Refiner switch at", lambda s: s.request.refiner_switch_at, _field("refiner_switch_at", float)),
    _option_row("Refiner switch by sampling steps", "refiner_switch_by_sample_steps", switch),
    _option_row("Skip Early CFG", "skip_early_cond", float),
    Row("NGMS", lambda s: s.request.s_min_uncond or None, _field("s_min_uncond", float), "0"),
    _option_row("NGMS all steps", "s_min_uncond_all", switch),
    Row("CFG Rescale", lambda s: s.request.cfg_rescale or None, _field("cfg_rescale", float), "0"),
    Row("Conditional mask weight", _mask_weight, _field("inpainting_mask_weight", float), "1"),
    Row("Extra noise", _extra_noise, _field("img2img_extra_noise", float), "0"),
    Row(
        "Mask mode",
        _only(Inpaint, lambda r: MASK_MODES[1] if r.inpainting_mask_invert else None),
        _field("inpainting_mask_invert", _one_of(MASK_MODES)),
        MASK_MODES[0],
    ),
    Row("Mask blur", _only(Inpaint, lambda r: r.mask_blur_x if r.mask_blur_x == r.mask_blur_y else None), _mask_blur),
    Row(
        "Mask blur x",
        _only(Inpaint, lambda r: r.mask_blur_x if r.mask_blur_x != r.mask_blur_y else None),
        _field("mask_blur_x", whole),
    ),
    Row(
        "Mask blur y",
        _only(Inpaint, lambda r: r.mask_blur_y if r.mask_blur_x != r.mask_blur_y else None),
        _field("mask_blur_y", whole),
    ),
    Row(
        "Inpaint area",
        _only(Inpaint, lambda r: INPAINT_AREAS[1] if r.inpaint_full_res else None),
        _field("inpaint_full_res", _one_of(INPAINT_AREAS)),
        INPAINT_AREAS[0],
    ),
    Row(
        "Masked area padding",
        _only(Inpaint, lambda r: r.inpaint_full_res_padding if r.inpaint_full_res else None),
        _field("inpaint_full_res_padding", whole),
        "32",
    ),
    Row(
        "Masked content",
        _only(Inpaint, lambda r: MASKED_CONTENTS[r.inpainting_fill] if r.inpainting_fill != 1 else None),
        _field("inpainting_fill", _one_of(MASKED_CONTENTS)),
        "original",
    ),
    Row(
        "Resize mode",
        _only(Img2Img, lambda r: RESIZE_MODES[r.resize_mode] if r.resize_mode else None),
        _field("resize_mode", _one_of(RESIZE_MODES)),
        RESIZE_MODES[0],
    ),
    Row("Loops", _looped(lambda r: r.loops), _field("loops", whole), "1"),
    Row("Final denoising strength", _looped(lambda r: r.final_denoising_strength), _final_strength, ""),
    Row("Denoising curve", _looped(lambda r: r.denoising_curve), _field("denoising_curve", str), "Linear"),
    Row("Outpaint", _only(Img2Img, _outpaint), _outpaint_sides, "0, 0, 0, 0"),
    Row(
        "Outpaint blur",
        _only(Img2Img, lambda r: r.outpaint_blur if r.outpaints else None),
        _field("outpaint_blur", whole),
    ),
    Row("Outpaint fill", _noisy(lambda r: r.outpaint_fill), _field("outpaint_fill", str), "edges"),
    Row("Outpaint fall-off exponent", _noisy(lambda r: r.outpaint_falloff), _field("outpaint_falloff", float)),
    Row(
        "Outpaint color variation",
        _noisy(lambda r: r.outpaint_color_variation),
        _field("outpaint_color_variation", float),
    ),
    Row("SD upscale upscaler", _tiled(lambda r: r.sd_upscale_upscaler), _choice("sd_upscale_upscaler"), ""),
    Row("SD upscale overlap", _tiled(lambda r: r.sd_upscale_overlap), _field("sd_upscale_overlap", whole)),
    Row("SD upscale scale", _tiled(lambda r: r.sd_upscale_scale), _field("sd_upscale_scale", float)),
    Row("Soft inpainting enabled", _only(Inpaint, lambda r: r.soft_inpainting or None), _soft_switch, "False"),
    *(_soft_row(f"Soft inpainting {label}", name) for label, name in SOFT),
    Row("CodeFormer weight", _codeformer_weight, _field("code_former_weight", float), "0.5"),
    Row("Color correction", _color_correction, _field("img2img_color_correction", switch), "False"),
    Row("Noise multiplier", _noise_multiplier, _field("initial_noise_multiplier", float)),
    Row("Eta", lambda s: None if _on_timesteps(s) else s.request.eta, _field("eta", float)),
    Row("Eta DDIM", lambda s: s.request.eta if _on_timesteps(s) else None, _field("eta", float)),
    Row("Sigma churn", lambda s: s.request.s_churn, _field("s_churn", float)),
    Row("Sigma tmin", lambda s: s.request.s_tmin, _field("s_tmin", float)),
    Row("Sigma tmax", lambda s: s.request.s_tmax, _field("s_tmax", float)),
    Row("Sigma noise", lambda s: s.request.s_noise, _field("s_noise", float)),
    _option_row("Schedule min sigma", "sigma_min", float),
    _option_row("Schedule max sigma", "sigma_max", float),
    _option_row("Schedule rho", "rho", float),
    _option_row("Beta schedule alpha", "beta_dist_alpha", float),
    _option_row("Beta schedule beta", "beta_dist_beta", float),
    _option_row("Discard penultimate sigma", "always_discard_next_to_last_sigma", switch),
    _option_row("SGM noise multiplier", "sgm_noise_multiplier", switch),
    _option_row("Noise Schedule", "sd_noise_schedule", str),
    _option_row("UniPC variant", "uni_pc_variant", str),
    _option_row("UniPC skip type", "uni_pc_skip_type", str),
    _option_row("UniPC order", "uni_pc_order", whole),
    _option_row("UniPC lower order final", "uni_pc_lower_order_final", switch),
)
"""In A1111's order; `Job.extra_generation_params` follow, then the version."""
