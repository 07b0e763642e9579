"""A request's blanks filled, once, at submit; below that line nothing is blank and nothing reads settings."""

from __future__ import annotations

import random

from modules.diffusion.errors import AquatintError
from modules.diffusion.samplers import SamplerRow, find_sampler, split_merged_name
from modules.diffusion.sigmas import AUTOMATIC, find_schedule
from modules.diffusion.store import ModelStore
from modules.studio.request import SAMPLER_FIELDS, Request
from modules.studio.settings import Options, with_overrides
from modules.studio.styles import Styles

DEFAULT_SAMPLER = "DPM++ 2M"


def resolve(request: Request, options: Options, store: ModelStore, styles: Styles) -> tuple[Request, Options]:
    """The request with seeds drawn, styles merged and names made canonical, and the options it will run with.

    Raises: AquatintError naming the checkpoint, VAE, sampler or scheduler that does not exist.
    """
    options = with_overrides(options, request.override_settings)
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
            "override_settings": {},
        }
    )
    resolved = resolved.model_copy(update=_sampler_fields(resolved, options, sampler))
    vae = store.find_vae(options.sd_vae)
    return resolved, options.model_copy(update={"sd_model_checkpoint": checkpoint_name(options, store), "sd_vae": vae})


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


def _drawn(seed: int) -> int:
    """A1111 draws seeds of 32 bits, and so does everybody's infotext."""
    return seed if seed >= 0 else random.randrange(2**32)
