"""A call of the network in A1111's words: x and prompts as tensors, a row for each prompt that is asked, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from modules.diffusion.conditioning import Conditioning
from modules.diffusion.denoiser import Composed, Guidance, PromptPart

from .callback_params import CFGDenoiserParams
from .spoken import with_vector


class Call:
    """One call: what it is asked, handed out, and taken back where it was changed."""

    def __init__(self, guidance: Guidance, x: Tensor, sigma: Tensor, p: Any, step: int, steps: int) -> None:
        self._guidance, self._x = guidance, x
        self._images = [image for image, prompt in enumerate(guidance.positive) for _ in _parts(prompt)]
        rows = x[[*self._images, *range(len(x))]]
        self._cond = told([part.conditioning for prompt in guidance.positive for part in _parts(prompt)])
        self._uncond = told(list(guidance.negative))
        self._sigmas = sigma.to(x).repeat(len(rows))
        self.params = CFGDenoiserParams(
            rows,
            torch.zeros(len(rows), 5, 1, 1, dtype=x.dtype, device=x.device),
            self._sigmas.clone(),
            step,
            steps,
            _copied(self._cond),
            _copied(self._uncond),
            getattr(p.sampler, "model_wrap_cfg", None),
        )
        self._rows = rows.clone()

    def taken_back(self) -> Tensor:
        """Gives the guidance what was changed of the prompts; the x that the network shall see."""
        params, guidance = self.params, self._guidance
        # Copies: of a tensor whose `.data` was replaced within inference mode torch makes no views.
        params.text_cond, params.text_uncond = _copied(params.text_cond), _copied(params.text_uncond)
        params.x = _copied(params.x)
        guidance.further = self._further()
        if not _equal(params.text_cond, self._cond):
            new = iter(
                _conditionings([part.conditioning for p in guidance.positive for part in _parts(p)], params.text_cond)
            )
            guidance.positive = [
                [PromptPart(next(new), part.weight) for part in _parts(prompt)] for prompt in guidance.positive
            ]
        if not _equal(params.text_uncond, self._uncond):
            guidance.negative = list(_conditionings(list(guidance.negative), params.text_uncond))
        sigmas, asked = params.sigma, len(self._sigmas) + len(guidance.further)
        fits = isinstance(sigmas, Tensor) and sigmas.shape == (asked,)
        guidance.levels = sigmas.to(self._x) if fits and not (sigmas == self._sigmas[0]).all() else None
        rows: Tensor = params.x
        if rows.shape[1:] != self._rows.shape[1:] or len(rows) < len(self._rows) or torch.equal(rows, self._rows):
            return self._x
        return rows[[self._images.index(image) for image in range(len(self._x))]]

    def _further(self) -> list[tuple[int, Conditioning]]:
        """Prompts that were added behind the positive ones: each is asked about the image whose x it was given, and
        what the network says of it is seen in on_cfg_denoised and joined by nobody, as in A1111."""
        known, rows = len(self._images), self.params.x
        count = len(_embeds(self.params.text_cond)) - known
        if count <= 0:
            return []
        like = [_parts(self._guidance.positive[self._images[0]])[0].conditioning] * count
        added = _conditionings(like, _rows_of(self.params.text_cond, known, known + count))
        return list(zip(map(self._image_of, rows[known : known + count]), added, strict=False))

    def _image_of(self, row: Tensor) -> int:
        """Whose x it is; the first one's, where it is nobody's."""
        found = (image for image, mine in enumerate(self._x) if mine.shape == row.shape and torch.equal(mine, row))
        return next(found, 0)


def _parts(prompt: Composed) -> Sequence[PromptPart]:
    return [PromptPart(prompt, 1.0)] if isinstance(prompt, Conditioning) else prompt


def told(prompts: Sequence[Conditioning]) -> Any:
    """(n, tokens, D), or for SDXL A1111's {"crossattn", "vector"}; shorter prompts repeat their last chunk."""
    longest = max(len(prompt.embeds) for prompt in prompts)
    stacked = torch.stack([_filled(prompt.embeds, longest) for prompt in prompts])
    vectors = [
        torch.cat([v for v in (prompt.pooled, prompt.time_ids) if v is not None])
        for prompt in prompts
        if prompt.pooled is not None
    ]
    return {"crossattn": stacked, "vector": torch.stack(vectors)} if len(vectors) == len(prompts) else stacked


def _filled(embeds: Tensor, length: int) -> Tensor:
    missing = length - len(embeds)
    return torch.cat([embeds, embeds[-77:].repeat(missing // 77, 1)]) if missing else embeds


def _embeds(tensors: Any) -> Tensor:
    embeds: Tensor = tensors["crossattn"] if isinstance(tensors, dict) else tensors
    return embeds


def _rows_of(tensors: Any, first: int, end: int) -> Any:
    if isinstance(tensors, dict):
        return {name: tensor[first:end] for name, tensor in tensors.items()}
    return tensors[first:end]


def _conditionings(prompts: Sequence[Conditioning], tensors: Any) -> list[Conditioning]:
    """As many as there are; further ones are none of theirs. Fewer cannot be joined, here as in A1111."""
    if len(_embeds(tensors)) < len(prompts):
        return list(prompts)
    tensors = _rows_of(tensors, 0, len(prompts))
    embeds = _embeds(tensors)
    changed = [replace(prompt, embeds=row.to(prompt.embeds)) for prompt, row in zip(prompts, embeds, strict=True)]
    if not isinstance(tensors, dict):
        return changed
    return [with_vector(prompt, row) for prompt, row in zip(changed, tensors["vector"], strict=True)]


def _copied(tensors: Any) -> Any:
    if isinstance(tensors, dict):
        return {name: _copied(tensor) for name, tensor in tensors.items()}
    return tensors.clone() if isinstance(tensors, Tensor) else tensors


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)
    return (
        isinstance(one, Tensor) and isinstance(other, Tensor) and one.shape == other.shape and torch.equal(one, other)
    )
