"""A sampler's `callback_state`, in whose place extensions put a function, for its class or for the one that runs.

k-diffusion calls it when a step has its first answer of the model. What is changed in place of "x" and "denoised" is
what the sampler goes on with; samplers on whole timesteps are done with the step by then, and go on with their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .batch_words import extension_of
from .containment import containment
from .sampler_face import CompVisSampler, KDiffusionSampler, OurSampler, callback_state

if TYPE_CHECKING:
    from torch import Tensor


class Stepping:
    """The steps of one pass, as the function is told of them."""

    def __init__(self, sampler: OurSampler) -> None:
        self._sampler = sampler
        self._takes = not isinstance(sampler, CompVisSampler)
        self._told = -1
        self._x: Tensor | None = None

    def asks(self, x: Tensor) -> None:
        """The sampler is about to ask the model about `x` (B, C, h, w)."""
        self._x = x

    def answered(self, step: int, denoised: Tensor, sigma: Tensor) -> None:
        """The model's answer, which may be changed in place; only the first of a step counts."""
        function = getattr(self._sampler, "callback_state", None)
        theirs = getattr(function, "__func__", function)
        if step == self._told or self._x is None or theirs is None or theirs is callback_state:
            return
        self._told = step
        owner = extension_of(function)
        if function is None or not containment.conduct(owner).runs:
            return
        if not self._takes:
            denoised, self._x = denoised.clone(), self._x.clone()
        x, before = self._x, (self._x.clone(), denoised.clone())
        news = {"x": x, "i": step, "sigma": sigma, "sigma_hat": sigma, "denoised": denoised}
        ended = False
        with containment.guard(owner, "callback_state"):
            function(news)
            ended = True
        if not ended:
            x.copy_(before[0])
            denoised.copy_(before[1])


def forget() -> None:
    """What extensions have put there is gone."""
    for kind in (OurSampler, KDiffusionSampler, CompVisSampler):
        kind.callback_state = callback_state
