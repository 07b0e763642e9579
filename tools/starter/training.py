"""A run of so many minutes: its learning rate, its moving averages, and a line now and then on how it goes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

WARM_STEPS = 40
COOLED = 0.02
"""Of the peak learning rate, at the end of a run."""


def fast_type() -> torch.dtype:
    """bfloat16 where the processor multiplies it (AMX, AVX512-BF16); elsewhere float32 is three times as fast."""
    has_units = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if has_units else torch.float32


def autocast() -> torch.autocast:
    """Multiplies in the fast type."""
    return torch.autocast("cpu", torch.bfloat16, enabled=fast_type() is torch.bfloat16)


class Moment(NamedTuple):
    """A step: its number from 0, and how much of the run is over, in 0..1."""

    step: int
    part: float


class Run:
    """Steps until the minutes are over. The learning rate rises, stays, and falls over the last part, `cooling`."""

    def __init__(self, minutes: float, cooling: float, save_every: float = 300) -> None:
        self.seconds, self.cooling, self.save_every = minutes * 60, cooling, save_every
        self._started = self._saved = self._told = time.monotonic()
        self._done = 0
        self._losses: list[float] = []

    def moments(self) -> Iterator[Moment]:
        """The steps of the run."""
        step = 0
        while (part := self.elapsed / self.seconds) < 1:
            yield Moment(step, part)
            step += 1

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def rate(self, moment: Moment, peak: float) -> float:
        """The learning rate of a step: linear up, flat, linear down (Hägele et al. 2024, a constant rate cooled)."""
        falling = min(1.0, (1 - moment.part) / self.cooling) if self.cooling else 1.0
        return peak * min(1.0, (moment.step + 1) / WARM_STEPS) * max(falling, COOLED)

    def tell(self, done: int, loss: float, **figures: float) -> None:
        """Counts `done` pictures; prints a line every half minute."""
        self._done += done
        self._losses.append(loss)
        now = time.monotonic()
        if now - self._told >= 30:
            mean = sum(self._losses) / len(self._losses)
            more = " ".join(f"{name} {value:.4g}" for name, value in figures.items())
            speed = self._done / self.elapsed
            print(f"{self.elapsed / 60:6.1f} min  {speed:5.1f}/s  loss {mean:.4f}  {more}", flush=True)
            self._told, self._losses = now, []

    def time_to_save(self) -> bool:
        """True every few minutes."""
        if time.monotonic() - self._saved < self.save_every:
            return False
        self._saved = time.monotonic()
        return True


class Average:
    """An exponential moving average of weights, which forgets its beginning (as in diffusers' EMAModel)."""

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self.parameters, self.decay = list(parameters), decay
        self.values = [parameter.detach().clone() for parameter in parameters]
        self.steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Takes in the weights as they are now."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.values, [parameter.detach() for parameter in self.parameters], 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges weights and averages; twice is nothing."""
        for parameter, value in zip(self.parameters, self.values, strict=True):
            kept = parameter.detach().clone()
            parameter.copy_(value)
            value.copy_(kept)

    def state(self) -> dict[str, object]:
        return {"values": self.values, "steps": self.steps}

    def restore(self, values: Sequence[Tensor], steps: int) -> None:
        """Goes on from a state."""
        self.values, self.steps = [value.clone() for value in values], steps


class Optimizer:
    """Muon (Jordan et al. 2024) for matrices and the kernels of convolutions, AdamW for everything else.

    Each of `matrices`, and `others`, are parameters and the peak of their learning rate. A kernel is a matrix of one
    row per output. `state` and `restore` keep what is needed to go on.
    """

    def __init__(
        self, matrices: Sequence[tuple[Sequence[nn.Parameter], float]], others: tuple[Sequence[nn.Parameter], float]
    ) -> None:
        kernels = [[(each, _matrix(each.detach(), each.is_contiguous())) for each in part] for part, _ in matrices]
        self._views, self._others = [pair for part in kernels for pair in part], others[0]
        groups = [{"params": [view for _, view in part]} for part in kernels]
        self._peaks = ([peak for _, peak in matrices], [others[1]])
        self._parts = (
            torch.optim.Muon(groups, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others[0], betas=(0.9, 0.99), weight_decay=0.0, fused=True),
        )

    def step(self, rate: float) -> None:
        """One step down the gradients at `rate` times the peaks, and no gradients are left."""
        for parameter, view in self._views:
            view.grad = None if parameter.grad is None else _matrix(parameter.grad, parameter.is_contiguous())
        for part, peaks in zip(self._parts, self._peaks, strict=True):
            for group, peak in zip(part.param_groups, peaks, strict=True):
                group["lr"] = rate * peak
            part.step()
        for parameter in (*self._others, *(parameter for parameter, _ in self._views)):
            parameter.grad = None

    def state(self) -> list[dict[str, object]]:
        return [part.state_dict() for part in self._parts]

    def restore(self, state: Sequence[dict[str, object]]) -> None:
        """Goes on from a state."""
        for part, each in zip(self._parts, state, strict=True):
            part.load_state_dict(each)


def _matrix(weight: Tensor, plain: bool) -> Tensor:
    """A matrix of one row per output, in the memory of a weight that is contiguous, or else in channels last."""
    return weight.flatten(1) if plain else weight.permute(0, 2, 3, 1).reshape(len(weight), -1)
