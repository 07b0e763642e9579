"""`KDiffusionSampler.callback_state`, in whose place extensions put a function: called in each step of a sampler.

k-diffusion calls it when a step has its first answer of the model. What is changed in place of "x" and "denoised" is
what the sampler goes on with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .batch_words import extension_of
from .containment import containment
from .sampler_face import OurSampler, callback_state

if TYPE_CHECKING:
    from torch import Tensor

ON_TIMESTEPS = ("DDIM", "DDIM CFG++", "PLMS", "UniPC")
"""Samplers that are not k-diffusion's in A1111."""


class Stepping:
    """The steps of one pass, as the function is told of them."""

    def __init__(self, sampler: OurSampler) -> None:
        self._sampler = sampler
        self._heard = sampler.name not in ON_TIMESTEPS
        self._told = -1
        self._x: Tensor | None = None

    def asks(self, x: Tensor) -> None:
        """The sampler is about to ask the model about `x` (B, C, h, w)."""
        self._x = x

    def answered(self, step: int, denoised: Tensor, sigma: Tensor) -> None:
        """The model's answer, which may be changed in place; only the first of a step counts."""
        function = type(self._sampler).callback_state
        if not self._heard or step == self._told or self._x is None or function is callback_state:
            return
        self._told = step
        owner = extension_of(function)
        if not containment.conduct(owner).runs:
            return
        x, before = self._x, (self._x.clone(), denoised.clone())
        news = {"x": x, "i": step, "sigma": sigma, "sigma_hat": sigma, "denoised": denoised}
        ended = False
        with containment.guard(owner, "callback_state"):
            function(self._sampler, news)
            ended = True
        if not ended:
            x.copy_(before[0])
            denoised.copy_(before[1])


def forget() -> None:
    """What extensions have put there is gone."""
    OurSampler.callback_state = callback_state
