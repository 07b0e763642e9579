"""Every sampler against an implementation that is not ours, and against problems whose answer is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import diffusers
import pytest
import torch
from torch import Generator, Tensor

from modules.diffusion.conditioning import Conditioning
from modules.diffusion.denoiser import Guidance, PredictionType, start_from_noise
from modules.diffusion.errors import AquatintError
from modules.diffusion.noise import ImageNoise, NoiseFn
from modules.diffusion.samplers import (
    SAMPLERS,
    Denoise,
    find_sampler,
    sampling_sigmas,
    schedule_for,
    split_merged_name,
)
from modules.diffusion.sigmas import SCHEDULES

SHAPE = (4, 8, 8)
SEEDS = (7, 8)
TOLERANCE = 1e-4
K_DIFFUSION = {
    "DPM++ 2M": "sample_dpmpp_2m",
    "DPM++ SDE": "sample_dpmpp_sde",
    "DPM++ 2M SDE": "sample_dpmpp_2m_sde",
    "Euler a": "sample_euler_ancestral",
    "Euler": "sample_euler",
    "Heun": "sample_heun",
}
DIFFUSERS = {"DDIM": "DDIMScheduler", "LCM": "LCMScheduler"}
PREDICTIONS: tuple[PredictionType, ...] = ("epsilon", "v_prediction")
Toy = Callable[..., Any]
Words = Callable[..., Conditioning]


def wavy(x: Tensor, sigma: Tensor) -> Tensor:
    """Denoises nothing real, but remembers in its last digits by which way x came."""
    level = sigma.reshape(-1, 1, 1, 1)
    return (x + torch.sin(3 * x / (1 + level))) / (1 + level**2)


def gaussian(x: Tensor, sigma: Tensor, mean: float = 0.3, spread: float = 0.7) -> Tensor:
    """The perfect denoiser of normally distributed data."""
    return (spread**2 * x + sigma**2 * mean) / (spread**2 + sigma**2)


def last(steps: Iterator[Tensor]) -> Tensor:
    return [*steps][-1]


def noise_for(name: str, sigmas: Tensor, seeds: tuple[int, ...] = SEEDS) -> NoiseFn:
    return ImageNoise(seeds, SHAPE, dtype=torch.float64).while_sampling(SAMPLERS[name].noise, sigmas)


def difference_from_k_diffusion(sampling: Any, name: str, sigmas: Tensor, **options: float) -> float:
    """The largest difference of the final latents, from the same x, with the same noise."""
    x = ImageNoise(SEEDS, SHAPE, dtype=torch.float64).initial() * sigmas[0]
    ours = last(SAMPLERS[name].sample(wavy, x, sigmas, noise_for(name, sigmas), **options))
    noise = {"noise_sampler": noise_for(name, sigmas)} if SAMPLERS[name].noise != "none" else {}
    theirs = getattr(sampling, K_DIFFUSION[name])(wavy, x, sigmas, disable=True, **noise, **options)
    return float((ours - theirs).abs().max())


def difference_from_diffusers(toy: Toy, words: Words, name: str, steps: int, kind: PredictionType, eta: float) -> float:
    """The largest difference of the final latents around the same network, from the same noise."""
    scheduler = getattr(diffusers, DIFFUSERS[name])(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type=kind,
        clip_sample=False, steps_offset=int(name == "DDIM"), set_alpha_to_one=True,
    )  # fmt: skip
    network, prompt = toy(prediction_type=kind), words(0.1)
    scheduler.alphas_cumprod = 1 / (1 + network.training_sigmas**2)  # in float64
    scheduler.set_timesteps(steps)
    sigmas = torch.cat([network.training_sigmas[scheduler.timesteps], torch.zeros(1, dtype=torch.float64)])
    first, stream = ImageNoise(SEEDS, SHAPE, dtype=torch.float64).initial(), Generator().manual_seed(1)
    theirs = first.clone()
    for t in scheduler.timesteps:
        extra: dict[str, Any] = {"eta": eta} if name == "DDIM" else {}
        output = network.predict(theirs, t.expand(2), [prompt] * 2)
        theirs = scheduler.step(output, t, theirs, generator=stream, **extra).prev_sample
    stream = Generator().manual_seed(1)
    noise: NoiseFn = lambda sigma, sigma_next: torch.randn(first.shape, generator=stream, dtype=torch.float64)  # noqa: E731
    denoise = Guidance(network, [prompt] * 2, [], cfg_scale=1)
    x = first * (sigmas[0] ** 2 + 1).sqrt()
    ours = last(SAMPLERS[name].sample(denoise, x, sigmas, noise, eta=eta))
    return float((ours - theirs).abs().max())


@pytest.mark.parametrize("steps", [2, 7, 20])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", K_DIFFUSION)
def test_each_sampler_on_each_schedule_gives_the_latents_of_k_diffusion(
    k_diffusion: Any, training_sigmas: Tensor, name: str, schedule: str, steps: int
) -> None:
    sigmas = sampling_sigmas(SAMPLERS[name], SCHEDULES[schedule], training_sigmas, steps)
    assert difference_from_k_diffusion(k_diffusion.sampling, name, sigmas) < TOLERANCE


def test_the_comparison_with_k_diffusion_tells_samplers_apart(training_sigmas: Tensor) -> None:
    sigmas = sampling_sigmas(SAMPLERS["Euler"], SCHEDULES["Karras"], training_sigmas, 20)
    x = ImageNoise(SEEDS, SHAPE, dtype=torch.float64).initial() * sigmas[0]
    pictures = [last(SAMPLERS[name].sample(wavy, x, sigmas, noise_for(name, sigmas))) for name in K_DIFFUSION]
    apart = [float((a - b).abs().max()) for i, a in enumerate(pictures) for b in pictures[:i]]
    assert min(apart) > 100 * TOLERANCE


@pytest.mark.parametrize("options", [{"eta": 0.0}, {"eta": 0.6, "s_noise": 1.1}])
@pytest.mark.parametrize("name", ["Euler a", "DPM++ SDE", "DPM++ 2M SDE"])
def test_eta_and_s_noise_mean_what_they_mean_in_k_diffusion(
    k_diffusion: Any, training_sigmas: Tensor, name: str, options: dict[str, float]
) -> None:
    sigmas = sampling_sigmas(SAMPLERS[name], SCHEDULES["Karras"], training_sigmas, 9)
    assert difference_from_k_diffusion(k_diffusion.sampling, name, sigmas, **options) < TOLERANCE


@pytest.mark.parametrize("kind", PREDICTIONS)
@pytest.mark.parametrize("steps", [4, 8, 20, 50])
@pytest.mark.parametrize(("name", "eta"), [("DDIM", 0.0), ("DDIM", 0.7), ("DDIM", 1.0), ("LCM", 0.0)])
def test_ddim_and_lcm_give_the_latents_of_diffusers(
    toy: Toy, words: Words, name: str, steps: int, kind: PredictionType, eta: float
) -> None:
    assert difference_from_diffusers(toy, words, name, steps, kind, eta) < TOLERANCE


def test_ddim_from_beginning_to_end_visits_what_diffusers_visits(toy: Toy, words: Words) -> None:
    network, row = toy(), SAMPLERS["DDIM"]
    sigmas = sampling_sigmas(row, schedule_for(row, "Karras"), network.training_sigmas, 20)
    noise = ImageNoise(SEEDS, SHAPE, dtype=torch.float64)
    x = start_from_noise(row, noise.initial(), sigmas)
    denoise = Guidance(network, [words(0.1)] * 2, [words(0)] * 2, cfg_scale=7)
    last(row.sample(denoise, x, sigmas, noise.gaussian))
    scheduler = diffusers.DDIMScheduler(steps_offset=1)
    scheduler.set_timesteps(20)
    assert [float(t[0]) for _, t in network.calls] == scheduler.timesteps.tolist()
    torch.testing.assert_close(network.calls[0][0][:2], noise.initial())


@pytest.mark.parametrize(
    ("name", "options", "order"),
    [
        ("Euler", {}, 1),
        ("DDIM", {}, 1),
        ("Euler a", {"eta": 0.0}, 1),
        ("Heun", {}, 2),
        ("DPM++ 2M", {}, 2),
        ("DPM++ SDE", {"eta": 0.0}, 2),
        ("DPM++ 2M SDE", {"eta": 0.0}, 2),
    ],
)
def test_twice_the_steps_bring_what_the_order_promises(name: str, options: dict[str, float], order: int) -> None:
    x = 10 * ImageNoise(SEEDS, SHAPE, dtype=torch.float64).initial()
    exact = 0.3 + (x - 0.3) * math.sqrt((0.7**2 + 0.1**2) / (0.7**2 + 10**2))

    def error(steps: int) -> float:
        sigmas = torch.linspace(math.log(10), math.log(0.1), steps + 1, dtype=torch.float64).exp()
        found = last(SAMPLERS[name].sample(gaussian, x, sigmas, noise_for(name, sigmas), **options))
        return float((found - exact).abs().max())

    assert math.log2(error(80) / error(160)) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("name", [name for name, row in SAMPLERS.items() if not row.distilled_steps])
def test_the_pictures_are_spread_like_the_data(training_sigmas: Tensor, name: str) -> None:
    row, seeds = SAMPLERS[name], tuple(range(8))
    sigmas = sampling_sigmas(row, schedule_for(row, None), training_sigmas, 50)
    x = start_from_noise(row, ImageNoise(seeds, SHAPE, dtype=torch.float64).initial(), sigmas)
    found = last(row.sample(gaussian, x, sigmas, noise_for(name, sigmas, seeds)))
    assert float(found.mean()) == pytest.approx(0.3, abs=0.05)
    assert float(found.std()) == pytest.approx(0.7, rel=0.1)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_picture_is_the_same_alone_and_in_a_batch(training_sigmas: Tensor, name: str) -> None:
    row = SAMPLERS[name]
    sigmas = sampling_sigmas(row, schedule_for(row, None), training_sigmas, 6)

    def pictures(*seeds: int) -> Tensor:
        noise = ImageNoise(seeds, SHAPE)
        x = start_from_noise(row, noise.initial(), sigmas)
        return last(row.sample(wavy, x, sigmas, noise.while_sampling(row.noise, sigmas)))

    assert torch.equal(pictures(3, 4, 5)[1], pictures(4)[0])


@pytest.mark.parametrize("name", SAMPLERS)
def test_one_step_is_the_denoised_x(training_sigmas: Tensor, name: str) -> None:
    row = SAMPLERS[name]
    sigmas = sampling_sigmas(row, schedule_for(row, None), training_sigmas, 1)
    x = ImageNoise(SEEDS, SHAPE, dtype=torch.float64).initial() * sigmas[0]
    torch.testing.assert_close(last(row.sample(wavy, x, sigmas, noise_for(name, sigmas))), wavy(x, sigmas[0]))


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_yields_once_a_step_and_calls_the_model_as_often_as_its_row_says(
    training_sigmas: Tensor, name: str
) -> None:
    row, calls = SAMPLERS[name], []
    sigmas = sampling_sigmas(row, schedule_for(row, None), training_sigmas, 6)

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        calls.append(float(sigma))
        return wavy(x, sigma)

    x = torch.ones(len(SEEDS), *SHAPE, dtype=torch.float64)
    steps = [*row.sample(denoise, x, sigmas, noise_for(name, sigmas), eta=None)]
    assert len(steps) == len(sigmas) - 1 == 6
    assert len(calls) == 6 * row.calls_per_step - (row.calls_per_step - 1)
    assert all(torch.isfinite(step).all() for step in steps)
    assert torch.equal(x, torch.ones_like(x))


def test_a_sampler_is_passed_only_the_options_it_takes() -> None:
    sigmas, noise = torch.tensor([1.0, 0.5, 0.0]), noise_for("Euler", torch.tensor([1.0]))
    plain: Denoise = partial(gaussian, mean=0.0)
    x = torch.ones(2, *SHAPE)
    assert SAMPLERS["Euler"].options == {}
    assert SAMPLERS["DDIM"].options == {"eta": 0.0, "s_noise": 1.0}
    assert SAMPLERS["Euler a"].options == {"eta": 1.0, "s_noise": 1.0}
    with_eta = last(SAMPLERS["Euler"].sample(plain, x, sigmas, noise, eta=0.5, s_noise=None, tone=3))
    assert torch.equal(with_eta, last(SAMPLERS["Euler"].sample(plain, x, sigmas, noise)))


def test_a_sampler_is_found_by_any_of_its_names_in_any_case() -> None:
    assert find_sampler("euler A") is SAMPLERS["Euler a"]
    assert find_sampler("k_euler_ancestral") is SAMPLERS["Euler a"]
    assert find_sampler("K_DPMPP_2M_SDE") is SAMPLERS["DPM++ 2M SDE"]


def test_an_unknown_sampler_is_answered_with_those_there_are() -> None:
    with pytest.raises(AquatintError, match=r"No sampler called 'Eular'\. There are: DPM\+\+ 2M, .*LCM\."):
        find_sampler("Eular")


@pytest.mark.parametrize(
    ("merged", "parts"),
    [
        ("DPM++ 2M Karras", ("DPM++ 2M", "Automatic")),
        ("DPM++ 2M SDE Karras", ("DPM++ 2M SDE", "Karras")),
        ("DPM++ 2M SDE Exponential", ("DPM++ 2M SDE", "Automatic")),
        ("Euler a SGMUniform", ("Euler a", "SGM Uniform")),
        ("Euler sgm_uniform", ("Euler", "SGM Uniform")),
        ("Nameless Karras", ("Nameless", "Karras")),
        ("Euler a", ("Euler a", None)),
        ("DDIM", ("DDIM", None)),
        ("Karras", ("Karras", None)),
    ],
)
def test_names_from_before_schedules_had_their_own_field_are_split(merged: str, parts: tuple[str, str | None]) -> None:
    assert split_merged_name(merged) == parts


@pytest.mark.parametrize(
    ("sampler", "wish", "label"),
    [
        ("DPM++ 2M", "Automatic", "Karras"),
        ("DPM++ 2M", None, "Karras"),
        ("DPM++ 2M SDE", "", "Exponential"),
        ("Euler", "automatic", "Uniform"),
        ("LCM", None, "Uniform"),
        ("Euler", "KARRAS", "Karras"),
        ("DPM++ 2M", "sgmuniform", "SGM Uniform"),
        ("DDIM", "Karras", "DDIM"),
    ],
)
def test_automatic_means_the_schedule_that_suits_the_sampler(sampler: str, wish: str | None, label: str) -> None:
    assert schedule_for(SAMPLERS[sampler], wish).label == label


def test_lcm_visits_only_the_timesteps_it_was_distilled_on(training_sigmas: Tensor) -> None:
    distilled = set(training_sigmas[19::20].tolist())
    for schedule in SCHEDULES.values():
        sigmas = sampling_sigmas(SAMPLERS["LCM"], schedule, training_sigmas, 6).tolist()
        assert set(sigmas[:-1]) < distilled
        assert sigmas[0] == max(distilled)


def test_lcm_in_eight_steps_visits_every_seventh_of_its_fifty_timesteps(training_sigmas: Tensor) -> None:
    sigmas = sampling_sigmas(SAMPLERS["LCM"], SCHEDULES["Uniform"], training_sigmas, 8)
    assert torch.equal(sigmas[:-1], training_sigmas[[999, 859, 719, 579, 439, 299, 159, 19]])


def order_of_magnitude(difference: float) -> str:
    """The first of a few round bounds that is not exceeded: stable where the digits are rounding."""
    bounds = {"1e-10": 1e-10, "1e-7": 1e-7, "1e-4": 1e-4}
    return next((text for text, bound in bounds.items() if difference < bound), "1e-4 EXCEEDED")


PAGE = """# Samplers

Written by the tests (`AQUATINT_WRITE_DOCS=1 python -m pytest tests/diffusion/test_samplers.py`); do not edit.

Each sampler runs beside an implementation that is not ours, from the same noise and around the same model, in
float64. The last column is a bound on the largest difference of any number in the final latents, over all schedules
below and several numbers of steps.

| sampler | "Automatic" schedule | calls a step | noise | checked against | difference below |
|---|---|---|---|---|---|
{samplers}

| schedule | id | also called |
|---|---|---|
{schedules}

Where the results differ from A1111's, they do so knowingly:

- **DDIM** makes a last step to noise level 0; A1111 leaves the noise of timestep 1 in the latents.
- **LCM** moves each noise level to the nearest of the 50 that the model was distilled on; A1111 moves only the
  timestep that it tells the model. The consistency boundary condition, less than 1e-5 there, is left out.
- **DPM++ SDE** asks the Brownian motion for the sigmas themselves, A1111 for `exp(log(sigma))`.
- **DDIM as the schedule of another sampler** has as many steps as were asked for where A1111 has one more.
- `s_churn` is not offered.
"""


def test_the_page_about_samplers_says_what_is_measured(
    k_diffusion: Any,
    training_sigmas: Tensor,
    toy: Toy,
    words: Words,
    committed_page: Callable[[str, str], str],
) -> None:
    measured: dict[str, tuple[str, float]] = {}
    for name, function in K_DIFFUSION.items():
        runs = [
            sampling_sigmas(SAMPLERS[name], each, training_sigmas, steps)
            for each in SCHEDULES.values()
            for steps in (7, 20)
        ]
        worst = max(difference_from_k_diffusion(k_diffusion.sampling, name, sigmas) for sigmas in runs)
        measured[name] = f"k-diffusion 0.1.1 `{function}`", worst
    for name, scheduler in DIFFUSERS.items():
        worst = max(
            difference_from_diffusers(toy, words, name, steps, kind, eta=0.5)
            for kind in PREDICTIONS
            for steps in (4, 8, 20, 50)
        )
        measured[name] = f"diffusers `{scheduler}`", worst
    samplers = "\n".join(
        f"| {name} | {row.default_schedule} | {row.calls_per_step} | {row.noise} | {measured[name][0]} "
        f"| {order_of_magnitude(measured[name][1])} |"
        for name, row in SAMPLERS.items()
    )
    schedules = "\n".join(f"| {row.label} | {row.id} | {', '.join(row.aliases)} |" for row in SCHEDULES.values())
    page = PAGE.format(samplers=samplers, schedules=schedules)
    assert committed_page("samplers.md", page) == page
