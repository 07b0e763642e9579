"""Methods of p that A1111 calls while a job runs: what they do here; what extensions put in their place is called at
the same moments."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from modules.diffusion.errors import AquatintError
from modules.studio.hires_size import hires_size
from modules.studio.request import Txt2Img

from .batch_words import extension_of
from .containment import containment
from .host import host
from .replaced import is_ours

ASKED = "asked prompts"
"""And under this what its prompts were made from."""
MERGED = "merged styles"
"""Under this name p keeps the styles that its prompts have taken in by now."""


def at_moment(p: Any, name: str, *args: Any) -> Any:
    """What p's method gives, where an extension has put its own in its place; it is called by the job then."""
    if is_ours(p, name):
        return None
    method = getattr(p, name)
    undo, done, given = p.remember(), False, None
    who = extension_of(method)
    if containment.conduct(who).runs:
        with containment.guard(who, name, tells=(AquatintError,)):
            given = method(*args)
            done = True
        if not done:
            undo()
    return given


def prompts_wanted(p: Any) -> None:
    """The job has a prompt for each picture; what extensions have put in the place of p.setup_prompts makes others."""
    p.keep(ASKED, _asked(p))
    at_moment(p, "fill_fields_from_opts")
    at_moment(p, "setup_prompts")
    p.main_prompt, p.main_negative_prompt = p.all_prompts[0], p.all_negative_prompts[0]
    p.refiner_checkpoint_info = _checkpoint_info(p.refiner_checkpoint)


def _asked(p: Any) -> tuple[Any, ...]:
    texts = [getattr(p, name, None) for name in ("prompt", "negative_prompt", "hr_prompt", "hr_negative_prompt")]
    return (*map(str, texts), *p.styles)


def _checkpoint_info(name: str | None) -> Any:
    from ..sd_models import get_closet_checkpoint_match

    return get_closet_checkpoint_match(name) if name else None


def networks_named(p: Any) -> None:
    """p's batch begins to look for networks; without them, where p.disable_extra_networks says so."""
    from ..extra_networks import parse_prompt

    p.firstpass_steps = p.steps
    if is_ours(p, "parse_extra_network_prompts"):
        p.parse_extra_network_prompts()
    at_moment(p, "parse_extra_network_prompts")
    if p.disable_extra_networks:
        for name in ("prompts", "hr_prompts"):
            texts = getattr(p._batch, name)
            texts[:] = [parse_prompt(text)[0] for text in texts]


def prompts_as_asked(p: Any, batch: Any) -> None:
    """Once a batch is sampled its prompts are those of the job again, as they were written."""
    job = p.job
    of = slice(batch.index * job.request.batch_size, (batch.index + 1) * job.request.batch_size)
    batch.prompts[:], batch.negative_prompts[:] = job.prompts[of], job.negative_prompts[of]


def saving_asked(p: Any) -> None:
    """Asks what an extension has put in the place of p.save_samples."""
    given = at_moment(p, "save_samples")
    if given is not None:
        p.do_not_save_samples = not given


def prompts_set_up(p: Any) -> None:
    """Gives p a prompt for each picture, from `prompt` and what it shares with it, with the styles of `styles`. Those
    that a job has stay, with what was drawn for them, as long as nothing else was asked for."""
    from .. import shared

    if p._job is not None and p.own(ASKED) == _asked(p):
        return
    merged = p.own(MERGED) or ()
    styles = [name for name in p.styles if name not in merged]
    count = int(p.batch_size) * int(p.n_iter)
    prompts, negatives = _listed(p.prompt, count), _listed(p.negative_prompt, count)
    count = max(len(prompts) if isinstance(p.prompt, list) else 1, len(negatives)) if _any_list(p) else count
    p.all_prompts = [shared.prompt_styles.apply_styles_to_prompt(each, styles) for each in _filled(prompts, count)]
    negative = shared.prompt_styles.apply_negative_styles_to_prompt
    p.all_negative_prompts = [negative(each, styles) for each in _filled(negatives, count)]
    p.main_prompt, p.main_negative_prompt = p.all_prompts[0], p.all_negative_prompts[0]
    if getattr(p, "enable_hr", False):
        positive = shared.prompt_styles.apply_styles_to_prompt
        again, away = _listed(p.hr_prompt or "", count), _listed(p.hr_negative_prompt or "", count)
        p.all_hr_prompts = [each and positive(each, styles) for each in again]
        p.all_hr_negative_prompts = [each and negative(each, styles) for each in away]


def _any_list(p: Any) -> bool:
    return isinstance(p.prompt, list) or isinstance(p.negative_prompt, list)


def _listed(text: Any, count: int) -> list[str]:
    return list(text) if isinstance(text, list) else [text or ""] * count


def _filled(texts: list[str], count: int) -> list[str]:
    return [*texts, *[texts[-1] if texts else ""] * (count - len(texts))][:count]


def added_styles(p: Any, before: tuple[str, ...]) -> tuple[str, ...]:
    """The styles that a script has added to p's before anything was made of them."""
    return tuple(name for name in p.styles if name not in before)


def target_resolution(p: Any) -> None:
    """What hires fix makes, for a p without a job; of one with a job it follows from its fields."""
    if p._job is None:
        sizes = hires_size(p.width, p.height, p.hr_scale, p.hr_resize_x, p.hr_resize_y)
        p.hr_upscale_to_x, p.hr_upscale_to_y = sizes.upscaled
        p.truncate_x, p.truncate_y = ((whole - left) // 8 for whole, left in zip(*sizes, strict=True))


def saves_samples(p: Any) -> bool:
    """Whether its pictures are to be files."""
    job = p._job
    if job is None:
        return not p.do_not_save_samples
    stopped = job.interrupted or job.skipped
    return bool(job.keeps_samples and (job.options.save_incomplete_images or not stopped))


def merging_ratio(p: Any, *, for_hr: bool) -> float:
    """p's own, or the options', of the first pass or of the second one."""
    from .. import shared

    first = p.token_merging_ratio or shared.opts.token_merging_ratio
    second = p.token_merging_ratio_hr or shared.opts.token_merging_ratio_hr
    return float((second or first if for_hr else first) or 0)


# What networks that see a picture are told of it


def conditioning_without_picture(p: Any, x: Tensor, width: int, height: int) -> Tensor:
    """(B, 5, h, w) for a network that is for inpainting, otherwise A1111's (B, 5, 1, 1)."""
    from modules.studio.canvas import without_picture

    model = host.model
    found = None if model is None else without_picture(model, len(x), width, height).inpaint
    return found.to(x) if found is not None else x.new_zeros(len(x), 5, 1, 1)


def take_conditioning(p: Any) -> None:
    """Asks what an extension has put in the place of p.txt2img_image_conditioning."""
    canvas = p._batch.canvas
    if canvas is None or canvas.inpaint is None or not isinstance(p.job.request, Txt2Img):
        return
    x = torch.zeros(len(p._batch.seeds), *canvas.inpaint.shape[1:])[:, :4]
    given = at_moment(p, "txt2img_image_conditioning", x)
    if given is not None:
        p.image_conditioning = given
