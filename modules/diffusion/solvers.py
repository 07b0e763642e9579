"""What all solvers share: how they ask the model, and how far an ancestral step goes down and up again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

Denoise = Callable[[Tensor, Tensor], Tensor]
"""(x (B, C, h, w), sigma ()) -> the denoised x, of the same shape."""
Sampler = Callable[..., Iterator[Tensor]]
"""(denoise, x (B, C, h, w), sigmas (n + 1,) descending, noise: NoiseFn) -> yields x after each of the n steps.

x carries noise of standard deviation sigma: x = picture + sigma * noise. By keyword some take `eta` (how much of each
step is redrawn as fresh noise, 0 is deterministic), `s_noise` (a factor on fresh noise), and `s_churn`, `s_tmin` and
`s_tmax` (how much noise is added before a step, and between which sigmas).
"""


def slope_at(denoise: Denoise, x: Tensor, sigma: Tensor) -> Tensor:
    """dx / dsigma (B, C, h, w) of the probability flow ODE: the noise that the model sees in x, of unit variance."""
    return (x - denoise(x, sigma)) / sigma


def ancestral_step(sigma: Tensor, sigma_next: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """(down, up): go down to the first without noise, then add noise of the second: down² + up² = sigma_next²."""
    up = torch.minimum(sigma_next, eta * sigma_next * (1 - (sigma_next / sigma) ** 2).sqrt())
    return (sigma_next**2 - up**2).sqrt(), up


def weights_for(nodes: Sequence[float], moments: Sequence[float]) -> list[float]:
    """The weights of a quadrature (n,): sum of weight * node^k equals `moments[k]` (n,), so polynomials are exact."""
    powers = torch.tensor(nodes, dtype=torch.float64) ** torch.arange(len(nodes))[:, None]
    weights: list[float] = torch.linalg.solve(powers, torch.tensor(moments, dtype=torch.float64)).tolist()
    return weights
