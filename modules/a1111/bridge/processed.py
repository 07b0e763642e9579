"""A1111's Processed: what a job has come to."""

from __future__ import annotations

import json
from typing import Any

from modules.studio.version import VERSION

from .host import host


class Processed:
    """The pictures of a job with all that A1111 says of them."""

    def __init__(
        self,
        p: Any,
        images_list: list[Any],
        seed: int = -1,
        info: str = "",
        subseed: int | None = None,
        all_prompts: list[str] | None = None,
        all_negative_prompts: list[str] | None = None,
        all_seeds: list[int] | None = None,
        all_subseeds: list[int] | None = None,
        index_of_first_image: int = 0,
        infotexts: list[str] | None = None,
        comments: str = "",
        extra_images_list: list[Any] | None = None,
    ) -> None:
        self.images = images_list
        self.extra_images = extra_images_list or []
        self.info = info
        self.comments = comments or "".join(f"{comment}\n" for comment in getattr(p, "comments", None) or ())
        self.width, self.height = p.width, p.height
        self.sampler_name, self.cfg_scale, self.steps = p.sampler_name, p.cfg_scale, p.steps
        self.image_cfg_scale = getattr(p, "image_cfg_scale", None)
        self.batch_size = p.batch_size
        self.restore_faces = getattr(p, "restore_faces", False) or False
        told = host.app.settings.options if host.is_bound else None
        self.face_restoration_model = told.face_restoration_model if told and self.restore_faces else None
        self.sd_model_name = getattr(p, "sd_model_name", None)
        self.sd_model_hash = getattr(p, "sd_model_hash", None)
        self.sd_vae_name = getattr(p, "sd_vae_name", None)
        self.sd_vae_hash = getattr(p, "sd_vae_hash", None)
        self.seed_resize_from_w, self.seed_resize_from_h = p.seed_resize_from_w, p.seed_resize_from_h
        self.denoising_strength = getattr(p, "denoising_strength", None)
        self.extra_generation_params = p.extra_generation_params
        self.index_of_first_image = index_of_first_image
        self.styles = p.styles
        self.job_timestamp = getattr(p, "job_timestamp", "")
        self.clip_skip = getattr(p, "clip_skip", told.CLIP_stop_at_last_layers if told else 1)
        self.token_merging_ratio = getattr(p, "token_merging_ratio", 0) or 0
        self.token_merging_ratio_hr = getattr(p, "token_merging_ratio_hr", 0) or 0
        self.eta, self.ddim_discretize = getattr(p, "eta", None), getattr(p, "ddim_discretize", None)
        self.s_churn, self.s_tmin, self.s_tmax, self.s_noise = (
            getattr(p, name, None) for name in ("s_churn", "s_tmin", "s_tmax", "s_noise")
        )
        self.s_min_uncond = getattr(p, "s_min_uncond", None)
        self.sampler_noise_scheduler_override = getattr(p, "sampler_noise_scheduler_override", None)
        self.prompt, self.negative_prompt = _one(p.prompt), _one(p.negative_prompt)
        self.seed = int(_one(p.seed if seed is None or seed == -1 else seed) or 0)
        self.subseed = int(_one(p.subseed if subseed is None else subseed) or 0)
        self.subseed_strength = p.subseed_strength
        self.is_using_inpainting_conditioning = getattr(p, "is_using_inpainting_conditioning", False)
        self.all_prompts = all_prompts or getattr(p, "all_prompts", None) or [self.prompt]
        self.all_negative_prompts = (
            all_negative_prompts or getattr(p, "all_negative_prompts", None) or [self.negative_prompt]
        )
        self.all_seeds = all_seeds or getattr(p, "all_seeds", None) or [self.seed]
        self.all_subseeds = all_subseeds or getattr(p, "all_subseeds", None) or [self.subseed]
        self.infotexts = infotexts or [info] * len(images_list)
        self.version = program_version()

    def js(self) -> str:
        """All of it as JSON: what A1111's API calls `info`."""
        return json.dumps({name: getattr(self, name) for name in JSON_NAMES}, default=lambda value: None)

    def infotext(self, p: Any, index: int) -> str:
        """The parameters of a picture."""
        return str(self.infotexts[index]) if 0 <= index < len(self.infotexts) else self.info

    def get_token_merging_ratio(self, for_hr: bool = False) -> float:
        """As it was asked for."""
        return float(self.token_merging_ratio_hr if for_hr else self.token_merging_ratio)


JSON_NAMES = (
    *("prompt", "all_prompts", "negative_prompt", "all_negative_prompts", "seed", "all_seeds", "subseed"),
    *("all_subseeds", "subseed_strength", "width", "height", "sampler_name", "cfg_scale", "steps", "batch_size"),
    *("restore_faces", "face_restoration_model", "sd_model_name", "sd_model_hash", "sd_vae_name", "sd_vae_hash"),
    *("seed_resize_from_w", "seed_resize_from_h", "denoising_strength", "extra_generation_params"),
    *("index_of_first_image", "infotexts", "styles", "job_timestamp", "clip_skip"),
    *("is_using_inpainting_conditioning", "version"),
)


def program_version() -> str:
    """What is written into infotexts."""
    return f"Aquatint {VERSION}"


def _one(value: Any) -> Any:
    """The first, where there is one for each picture."""
    return (value[0] if value else "") if isinstance(value, list | tuple) else value
