"""p.sample_hr_pass: what extensions put in its place is called between the passes of hires fix, and what they call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from modules.diffusion.errors import AquatintError
from modules.diffusion.latent_upscaling import find_latent_upscaler
from modules.studio.job import Stopped

from .batch_words import BatchWords, extension_of
from .containment import containment
from .host import host
from .missing import refuse
from .pictures import DecodedSamples
from .replaced import is_ours
from .script import PostSampleArgs

if TYPE_CHECKING:
    from modules.diffusion.model import Model


def through_hr_pass(p: Any, model: Model, latents: Tensor, make: Callable[[], Tensor]) -> Tensor:
    """The second pass, by p.sample_hr_pass where an extension has put its own in its place. Raises: Stopped."""
    words: BatchWords = p._words
    method = p.sample_hr_pass
    name = extension_of(method)
    if is_ours(p, "sample_hr_pass") or not containment.conduct(name).runs:
        begin_hr_pass(p)
        return make()
    pixels = None if find_latent_upscaler(p.hr_upscaler or "") else model.decode(latents)
    undo, made = p.remember(), None
    with containment.guard(name, "sample_hr_pass", tells=(AquatintError, Stopped)):
        made = method(latents, pixels, p.seeds, p.subseeds, p.subseed_strength, p.prompts)
    if made is None:
        undo()
    taken = taken_from(p, made, name)
    if taken is None and words.enlarged is None:
        begin_hr_pass(p)
        words.enlarged = make()
    return latents if words.enlarged is None else words.enlarged


def taken_from(p: Any, made: Any, name: str) -> Tensor | None:
    """What an extension has made of a batch in place of its latents, where it can be decoded, or is: latents, or pixels
    that the batch has from now on."""
    batch, words = p._batch, p._words
    pixels = as_pixels(made)
    if pixels is not None:
        batch.pixels = pixels
        return pixels
    if isinstance(made, Tensor) and made.ndim == 4 and len(made) == len(batch.seeds):
        batch.pixels, words.enlarged = None, made.to(host.model.device if host.model is not None else made)
        return made
    if made is not None:
        p.job.comment(f"What {name} has sampled is not {len(batch.seeds)} latents, and is left out.")
    return None


def as_pixels(made: Any) -> Tensor | None:
    """(n, 3, H, W) where it is a list of tensors of three colours, all of one size."""
    if not isinstance(made, Sequence) or not made or not all(isinstance(each, Tensor) for each in made):
        return None
    if {each.shape for each in made} != {made[0].shape} or made[0].ndim != 3 or len(made[0]) != 3:
        return None
    return torch.stack(list(made))


def enlarged_by_default(p: Any, samples: Any, decoded_samples: Any) -> DecodedSamples:
    """What p.sample_hr_pass does: these latents, or where it enlarges pictures these pixels in [-1, 1], made larger and
    painted once more. Raises: NotHereError outside of a batch of hires fix, Stopped."""
    words: BatchWords | None = p._words
    enlarge = p._batch.enlarge if words is not None else None
    if words is None or enlarge is None:
        refuse("p.sample_hr_pass outside of a job with hires fix", "process_images(p) with p.enable_hr has both passes")
    pixels = decoded_samples if isinstance(decoded_samples, Tensor) else as_pixels(decoded_samples)
    with containment.out(), torch.inference_mode():
        begin_hr_pass(p)
        words.enlarged = enlarge(samples, pixels)
        p.is_hr_pass = False
        return decoded(p, words.enlarged)


def decoded(p: Any, latents: Tensor) -> DecodedSamples:
    """The latents as pictures, which the batch need not decode once more."""
    if p._batch.pixels is None:
        p._batch.pixels = p._batch.decode(latents)
    return DecodedSamples(p._batch.pixels)


def after_sampling(p: Any, latents: Tensor) -> Tensor:
    """Calls the scripts' post_sample, with pictures where A1111 has them: after hires fix, or where an extension
    has made some in place of latents. Gives what shall be decoded."""
    batch, second = p._batch, p._pass is not None and p._pass.is_second
    handed = PostSampleArgs(decoded(p, latents) if second or batch.pixels is not None else latents)
    p.scripts.post_sample(p, handed)
    pixels = as_pixels(handed.samples)
    if pixels is not None:
        batch.pixels = pixels
        return latents
    fits = isinstance(handed.samples, Tensor) and handed.samples.shape == latents.shape
    return handed.samples.to(latents) if fits else latents


def begin_hr_pass(p: Any) -> None:
    """A noise of its own, and prompts that are read anew."""
    words: BatchWords = p._words
    p._batch.pixels = words.enlarged = words.rng = None
    words.spoken.pop("hires", None)
    words.noises.pop("hires", None)
    p.is_hr_pass = True
