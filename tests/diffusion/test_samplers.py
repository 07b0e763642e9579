"""Every sampler against an implementation that is not ours, and against problems whose answer is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor

from modules.diffusion.denoiser import Guidance, PredictionType, start_from_noise
from modules.diffusion.errors import AquatintError
from modules.diffusion.noise import ImageNoise
from modules.diffusion.samplers import (
    SAMPLERS,
    find_sampler,
    sampling_sigmas,
    schedule_for,
    split_merged_name,
)
from modules.diffusion.sigmas import SCHEDULES
from modules.diffusion.solvers import Denoise
from tests.diffusion.oracles import (
    BY_SIGMAS,
    BY_TIMESTEPS,
    K_DIFFUSION,
    MEAN,
    SEEDS,
    SHAPE,
    SPREAD,
    Toy,
    Words,
    difference_by_sigmas,
    difference_by_timesteps,
    difference_from_algorithm,
    difference_from_heun_between_restarts,
    difference_from_k_diffusion,
    difference_from_lms,
    gaussian,
    last,
    noise_for,
    spread_of,
    wavy,
)

TOLERANCE = 1e-4
PREDICTIONS: tuple[PredictionType, ...] = ("epsilon", "v_prediction")
WITH_CHURN = ("Euler", "Heun", "DPM2")
ORDERS: dict[str, tuple[dict[str, float], int]] = {
    "Euler": ({}, 1),
    "DDIM": ({}, 1),
    "DDIM CFG++": ({}, 1),
    "Euler a": ({"eta": 0.0}, 1),
    "HeunPP2": ({}, 1),
    "Heun": ({}, 2),
    "DPM2": ({}, 2),
    "DPM2 a": ({"eta": 0.0}, 2),
    "DPM++ 2S a": ({"eta": 0.0}, 2),
    "DPM++ 2M": ({}, 2),
    "DPM++ SDE": ({"eta": 0.0}, 2),
    "DPM++ 2M SDE": ({"eta": 0.0}, 2),
    "DPM++ 2M SDE Heun": ({"eta": 0.0}, 2),
    "DPM++ 3M SDE": ({"eta": 0.0}, 2),
    "LMS": ({}, 2),
    "IPNDM_V": ({}, 2),
    "DEIS": ({}, 2),
    "IPNDM": ({}, 2),
    "PLMS": ({}, 2),
    "UniPC": ({}, 2),
    "DPM fast": ({"eta": 0.0}, 3),
}
"""What makes each sampler deterministic, and its order: that of multistep samplers is their first steps'."""
SPREAD_ORDERS: dict[str, tuple[dict[str, float], int]] = {
    "Euler a": ({}, 1),
    "DDIM": ({"eta": 1.0}, 1),
    "DDPM": ({}, 1),
    "DPM2 a": ({}, 2),
    "DPM++ 2S a": ({}, 2),
    "Restart": ({}, 2),
}
"""The order in which the spread of what is made with fresh noise comes near to the data's."""


def runs(name: str, training_sigmas: Tensor, *numbers: int) -> list[Tensor]:
    """The sampler's sigmas on every schedule, for each number of steps."""
    row = SAMPLERS[name]
    return [sampling_sigmas(row, each, training_sigmas, steps) for each in SCHEDULES.values() for steps in numbers]


@pytest.mark.parametrize("steps", [2, 7, 20])
@pytest.mark.parametrize("name", K_DIFFUSION)
def test_each_sampler_on_each_schedule_gives_the_latents_of_k_diffusion(
    k_diffusion: Any, training_sigmas: Tensor, name: str, steps: int
) -> None:
    for sigmas in runs(name, training_sigmas, steps):
        assert difference_from_k_diffusion(k_diffusion.sampling, name, sigmas) < TOLERANCE


def test_the_comparison_with_k_diffusion_tells_samplers_apart(training_sigmas: Tensor) -> None:
    sigmas = sampling_sigmas(SAMPLERS["Euler"], SCHEDULES["Karras"], training_sigmas, 20)
    x = ImageNoise(SEEDS, SHAPE, dtype=torch.float64).initial() * sigmas[0]
    names = [name for name in SAMPLERS if name not in ("DDIM", "DDPM", "DDIM CFG++")]
    pictures = [last(SAMPLERS[name].sample(wavy, x, sigmas, noise_for(name, sigmas))) for name in names]
    apart = [float((a - b).abs().max()) for i, a in enumerate(pictures) for b in pictures[:i]]
    assert min(apart) > 10 * TOLERANCE


@pytest.mark.parametrize("options", [{"eta": 0.0}, {"eta": 0.6, "s_noise": 1.1}])
@pytest.mark.parametrize("name", [name for name in K_DIFFUSION if "eta" in SAMPLERS[name].options])
def test_eta_and_s_noise_mean_what_they_mean_in_k_diffusion(
    k_diffusion: Any, training_sigmas: Tensor, name: str, options: dict[str, float]
) -> None:
    sigmas = sampling_sigmas(SAMPLERS[name], SCHEDULES["Karras"], training_sigmas, 9)
    assert difference_from_k_diffusion(k_diffusion.sampling, name, sigmas, **options) < TOLERANCE


@pytest.mark.parametrize(
    "options", [{"s_churn": 4.0}, {"s_churn": 90.0, "s_noise": 1.01}, {"s_churn": 4.0, "s_tmin": 0.2, "s_tmax": 7.0}]
)
@pytest.mark.parametrize("name", WITH_CHURN)
def test_churn_means_what_it_means_in_k_diffusion(
    k_diffusion: Any, training_sigmas: Tensor, name: str, options: dict[str, float]
) -> None:
    sigmas = sampling_sigmas(SAMPLERS[name], SCHEDULES["Karras"], training_sigmas, 9)
    assert difference_from_k_diffusion(k_diffusion.sampling, name, sigmas, **options) < TOLERANCE
    x = torch.ones(len(SEEDS), *SHAPE, dtype=torch.float64)
    plain, churned = (
        last(SAMPLERS[name].sample(wavy, x, sigmas, noise_for(name, sigmas), **each)) for each in ({}, options)
    )
    assert not torch.allclose(plain, churned)


@pytest.mark.parametrize("steps", [2, 19, 20, 30, 36, 41])
def test_restart_is_heun_that_goes_back_up_between(k_diffusion: Any, training_sigmas: Tensor, steps: int) -> None:
    for sigmas in runs("Restart", training_sigmas, steps):
        assert difference_from_heun_between_restarts(k_diffusion.sampling, sigmas) < TOLERANCE


@pytest.mark.parametrize("steps", [2, 7, 20])
def test_ipndm_v_is_lms_up_to_its_last_step(k_diffusion: Any, training_sigmas: Tensor, steps: int) -> None:
    for sigmas in runs("IPNDM_V", training_sigmas, steps):
        assert difference_from_lms(k_diffusion.sampling, sigmas) < TOLERANCE


@pytest.mark.parametrize("steps", [2, 7, 20])
def test_ddim_cfgpp_follows_its_algorithm(training_sigmas: Tensor, steps: int) -> None:
    for sigmas in runs("DDIM CFG++", training_sigmas, steps):
        assert difference_from_algorithm(sigmas) < TOLERANCE


@pytest.mark.parametrize("kind", PREDICTIONS)
@pytest.mark.parametrize("steps", [4, 8, 20, 50])
@pytest.mark.parametrize(("name", "eta"), [("DDIM", 0.0), ("DDIM", 0.7), ("DDIM", 1.0), ("LCM", 0.0), ("DDPM", 0.0)])
def test_samplers_on_timesteps_give_the_latents_of_diffusers(
    toy: Toy, words: Words, name: str, steps: int, kind: PredictionType, eta: float
) -> None:
    assert difference_by_timesteps(toy, words, name, steps, kind, eta) < TOLERANCE


@pytest.mark.parametrize("steps", [4, 8, 20, 50])
def test_plms_gives_the_latents_of_diffusers(toy: Toy, words: Words, steps: int) -> None:
    assert difference_by_timesteps(toy, words, "PLMS", steps, "epsilon", 0.0) < TOLERANCE


@pytest.mark.filterwarnings("ignore:__array")  # diffusers with numpy 2
@pytest.mark.parametrize("steps", [2, 7, 20])
@pytest.mark.parametrize("name", BY_SIGMAS)
def test_samplers_on_any_sigmas_give_the_latents_of_diffusers(training_sigmas: Tensor, name: str, steps: int) -> None:
    for sigmas in runs(name, training_sigmas, steps):
        assert difference_by_sigmas(name, sigmas) < TOLERANCE


@pytest.mark.filterwarnings("ignore:__array")
@pytest.mark.parametrize("variant", ["bh1", "bh2"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("lower_order_final", [True, False])
def test_unipc_gives_the_latents_of_diffusers_in_every_order(
    training_sigmas: Tensor, variant: str, order: int, lower_order_final: bool
) -> None:
    options = {"variant": variant, "order": order, "lower_order_final": lower_order_final}
    for sigmas in runs("UniPC", training_sigmas, 9):
        assert difference_by_sigmas("UniPC", sigmas, **options) < TOLERANCE


@pytest.mark.parametrize(("variant", "exact"), [("vary_coeff", True), ("bh1", False), ("bh2", False)])
def test_the_varying_coefficients_of_unipc_are_exact_where_the_denoised_x_is_a_line_in_log_sigma(
    variant: str, exact: bool
) -> None:
    sigmas = torch.tensor([9.0, 5.0, 3.5, 1.0, 0.4], dtype=torch.float64)
    by_parts = (2 + 0.7 * (sigmas.log() + 1)) / sigmas  # the integral of x0 / sigma² below

    def line(x: Tensor, sigma: Tensor) -> Tensor:
        return (2 + 0.7 * sigma.log()).expand(x.shape)

    x, options = torch.ones(1, *SHAPE, dtype=torch.float64), {"order": 2, "lower_order_final": False}
    found = last(SAMPLERS["UniPC"].sample(line, x, sigmas, noise_for("UniPC", sigmas), variant=variant, **options))
    whole = sigmas[-1] * (x / sigmas[0] + by_parts[-1] - by_parts[0])
    assert torch.allclose(found, whole, rtol=1e-9) is exact


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


@pytest.mark.parametrize("name", ORDERS)
def test_twice_the_steps_bring_what_the_order_promises(name: str) -> None:
    options, order = ORDERS[name]
    x = 10 * ImageNoise(SEEDS, SHAPE, dtype=torch.float64).initial()
    exact = 0.3 + (x - 0.3) * math.sqrt((0.7**2 + 0.1**2) / (0.7**2 + 10**2))

    def error(steps: int) -> float:
        sigmas = torch.linspace(math.log(10), math.log(0.1), steps + 1, dtype=torch.float64).exp()
        sigmas[-2:] = sigmas[-1] if name == "DPM fast" else sigmas[-2:]  # its last step is a step to 0, not taken
        found = last(SAMPLERS[name].sample(gaussian, x, sigmas, noise_for(name, sigmas), **options))
        return float((found - exact).abs().max())

    assert math.log2(error(320) / error(641)) == pytest.approx(order, abs=0.2)


def evenly_down(steps: int) -> Tensor:
    """(steps + 1,): from 10 to 0.1, even in log sigma."""
    return torch.linspace(math.log(10), math.log(0.1), steps + 1, dtype=torch.float64).exp()


@pytest.mark.parametrize("name", SPREAD_ORDERS)
def test_with_fresh_noise_twice_the_steps_bring_the_spread_nearer_as_the_order_promises(name: str) -> None:
    options, order = SPREAD_ORDERS[name]
    exact = math.sqrt(SPREAD**2 + 0.1**2)
    to_zero, left = (torch.zeros(1), SPREAD**2 / (SPREAD**2 + 0.1**2)) if name == "Restart" else (torch.zeros(0), 1)

    def error(steps: int) -> float:
        sigmas = torch.cat([evenly_down(steps), to_zero.double()])
        return abs(spread_of(name, sigmas, **options) - left * exact)

    assert math.log2(error(160) / error(321)) == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("name", SPREAD_ORDERS)
def test_the_exact_spread_is_what_pictures_have(name: str) -> None:
    sigmas, seeds = evenly_down(24), tuple(range(40))
    x = ImageNoise(seeds, SHAPE, dtype=torch.float64).initial() * (SPREAD**2 + 10**2) ** 0.5 + MEAN
    found = last(SAMPLERS[name].sample(gaussian, x, sigmas, noise_for(name, sigmas, seeds)))
    assert float(found.std()) == pytest.approx(spread_of(name, sigmas), rel=0.02)


def test_lcm_leaves_the_spread_that_its_algorithm_leaves() -> None:
    """Algorithm 3 of Luo et al. (2023): x0 is asked for and noised again, so each step forgets all but its share."""
    sigmas = torch.cat([evenly_down(7), torch.zeros(1, dtype=torch.float64)])
    variance = SPREAD**2 + float(sigmas[0]) ** 2
    for sigma, sigma_next in zip(sigmas[:-1].tolist(), sigmas[1:].tolist(), strict=True):
        variance = (SPREAD**2 / (SPREAD**2 + sigma**2)) ** 2 * variance + sigma_next**2
    assert spread_of("LCM", sigmas) == pytest.approx(math.sqrt(variance), rel=1e-12)


@pytest.mark.parametrize("start", [3.0, 10.0, 14.6])
def test_dpm_adaptive_stays_within_the_error_that_it_tolerates(start: float) -> None:
    sigmas = torch.tensor([start, 0.1, 0.0], dtype=torch.float64)
    x = start * ImageNoise(SEEDS, SHAPE, dtype=torch.float64).initial()
    exact = MEAN + (x - MEAN) * math.sqrt((SPREAD**2 + 0.1**2) / (SPREAD**2 + start**2))
    found = last(SAMPLERS["DPM adaptive"].sample(gaussian, x, sigmas, noise_for("DPM adaptive", sigmas), eta=0.0))
    assert float(((found - exact) / (0.0078 + 0.05 * exact.abs())).square().mean().sqrt()) < 1


@pytest.mark.parametrize("name", [name for name, row in SAMPLERS.items() if not row.distilled_steps])
def test_the_pictures_are_spread_like_the_data(training_sigmas: Tensor, name: str) -> None:
    row, seeds = SAMPLERS[name], tuple(range(8))
    sigmas = sampling_sigmas(row, schedule_for(row, None), training_sigmas, 50)
    x = start_from_noise(row, ImageNoise(seeds, SHAPE, dtype=torch.float64).initial(), sigmas)
    found = last(row.sample(gaussian, x, sigmas, noise_for(name, sigmas, seeds)))
    assert float(found.mean()) == pytest.approx(0.3, abs=0.05)
    assert float(found.std()) == pytest.approx(0.7, rel=0.1)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "DPM adaptive"])
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
    ordinary = row.calls_per_step or 0
    odd = {"PLMS": 7, "HeunPP2": 4 * 3 + 2 + 1, "DPM fast": 3 + 2 + 1, "DPM adaptive": len(calls)}
    assert len(calls) == odd.get(name, 6 * ordinary - (ordinary - 1))
    assert all(torch.isfinite(step).all() for step in steps)
    assert torch.equal(x, torch.ones_like(x))


def test_a_sampler_is_passed_only_the_options_it_takes() -> None:
    sigmas, noise = torch.tensor([1.0, 0.5, 0.0]), noise_for("Euler", torch.tensor([1.0]))
    plain: Denoise = partial(gaussian, mean=0.0)
    x = torch.ones(2, *SHAPE)
    assert SAMPLERS["LMS"].options == {}
    assert SAMPLERS["Euler"].options == {"s_churn": 0.0, "s_tmin": 0.0, "s_tmax": math.inf, "s_noise": 1.0}
    assert SAMPLERS["DDIM"].options == {"eta": 0.0, "s_noise": 1.0}
    assert SAMPLERS["Euler a"].options == {"eta": 1.0, "s_noise": 1.0}
    with_eta = last(SAMPLERS["Euler"].sample(plain, x, sigmas, noise, eta=0.5, s_noise=None, tone=3))
    assert torch.equal(with_eta, last(SAMPLERS["Euler"].sample(plain, x, sigmas, noise)))


def test_a_sampler_is_found_by_any_of_its_names_in_any_case() -> None:
    assert find_sampler("euler A") is SAMPLERS["Euler a"]
    assert find_sampler("k_euler_ancestral") is SAMPLERS["Euler a"]
    assert find_sampler("K_DPMPP_2M_SDE") is SAMPLERS["DPM++ 2M SDE"]


def test_an_unknown_sampler_is_answered_with_those_there_are() -> None:
    with pytest.raises(AquatintError, match=r"No sampler called 'Eular'\. There are: DPM\+\+ 2M, .*LCM, .*DDPM\."):
        find_sampler("Eular")


@pytest.mark.parametrize(
    ("merged", "parts"),
    [
        ("DPM++ 2M Karras", ("DPM++ 2M", "Automatic")),
        ("DPM++ 2M SDE Karras", ("DPM++ 2M SDE", "Karras")),
        ("DPM++ 2M SDE Exponential", ("DPM++ 2M SDE", "Automatic")),
        ("Euler a SGMUniform", ("Euler a", "SGM Uniform")),
        ("Euler sgm_uniform", ("Euler", "SGM Uniform")),
        ("Euler a SGM Uniform", ("Euler a", "SGM Uniform")),
        ("DPM++ 2M SDE Heun Exponential", ("DPM++ 2M SDE Heun", "Automatic")),
        ("DPM++ 2M SDE Heun", ("DPM++ 2M SDE Heun", None)),
        ("DPM2 a Karras", ("DPM2 a", "Automatic")),
        ("LMS Karras", ("LMS", "Karras")),
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
        ("PLMS", "Karras", "DDIM"),
        ("UniPC", "Karras", "SGM Uniform"),
        ("DPM++ 3M SDE", None, "Exponential"),
        ("Restart", None, "Karras"),
        ("DEIS", None, "Uniform"),
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

| sampler | also called | "Automatic" schedule | calls | noise | order | spread | checked against | difference below |
|---|---|---|---|---|---|---|---|---|
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
- **KL Optimal** makes a last step to 0; A1111 stops at the smallest trained sigma.
- **DDIM, PLMS, UniPC** have their own timesteps: schedule types, min sigma, max sigma and rho do not move them.
- **UniPC** makes its last step to 0 rather than to the smallest trained sigma. With `vary_coeff` all weights
  are exact; A1111, like the authors' program, leaves terms out of the corrector from order 3 on.
- **DDIM CFG++, PLMS** end at 0, as DDIM does.
- **DEIS** integrates polynomials in log sigma, as diffusers does; Forge takes them in time.
- **IPNDM_V** has the exact weights for uneven steps.
- **DPM adaptive** measures the error of a whole batch, as k-diffusion does: a picture may differ from itself alone.
- **DPM2 a** adds its noise also where eta is so large that a step goes all the way down.

## Options

In the Settings, for one job by `override_settings`, and in a picture's parameters; each has A1111's name.

| option | in the parameters | what for |
|---|---|---|
| sigma_min, sigma_max | Schedule min sigma, Schedule max sigma | {ends}; 0 is the model's own end |
| rho | Schedule rho | {rhos}; 0 is the usual one |
| beta_dist_alpha, beta_dist_beta | Beta schedule alpha, Beta schedule beta | Beta |
| always_discard_next_to_last_sigma | Discard penultimate sigma | samplers that do not do it by themselves |
| sgm_noise_multiplier | SGM noise multiplier | begins as Stability's program does |
| uni_pc_variant, uni_pc_skip_type | UniPC variant, UniPC skip type | UniPC |
| uni_pc_order, uni_pc_lower_order_final | UniPC order, UniPC lower order final | UniPC: orders 1 to 4 are diffusers' |

A1111 writes "Beta schedule alpha" and reads another name; here it comes back.

"Order" is by what power of the number of steps the error falls, measured on normally distributed data; multistep
samplers begin with a single step, whose error stays. Where there is noise, eta is 0 for it. The order under "spread" is
that of the standard deviation of what is made with fresh noise, which is reckoned exactly. DPM adaptive is held to the
error that it tolerates, LCM to what its algorithm leaves of the spread. "Brownian" noise is one path that all steps
share. HeunPP2 is in neither package: its order is what is checked.
"""


def oracles(k_diffusion: Any, training_sigmas: Tensor, toy: Toy, words: Words) -> dict[str, tuple[str, float]]:
    """What each sampler was compared with, and the largest difference."""
    sampling, found = k_diffusion.sampling, {}
    for name, function in K_DIFFUSION.items():
        differences = [difference_from_k_diffusion(sampling, name, each) for each in runs(name, training_sigmas, 7, 20)]
        found[name] = f"k-diffusion 0.1.1 `{function}`", max(differences)
    for name, scheduler in BY_TIMESTEPS.items():
        kinds = PREDICTIONS if name != "PLMS" else PREDICTIONS[:1]
        differences = [
            difference_by_timesteps(toy, words, name, steps, kind, 0.5) for kind in kinds for steps in (4, 8, 20, 50)
        ]
        found[name] = f"diffusers `{scheduler}`", max(differences)
    for name, scheduler in BY_SIGMAS.items():
        differences = [difference_by_sigmas(name, each) for each in runs(name, training_sigmas, 7, 20)]
        found[name] = f"diffusers `{scheduler}`", max(differences)
    restarts = [
        difference_from_heun_between_restarts(sampling, each) for each in runs("Restart", training_sigmas, 7, 20)
    ]
    found["Restart"] = "k-diffusion 0.1.1 `sample_heun` between restarts", max(restarts)
    uneven = [difference_from_lms(sampling, each) for each in runs("IPNDM_V", training_sigmas, 7, 20)]
    found["IPNDM_V"] = "k-diffusion 0.1.1 `sample_lms` up to the last step", max(uneven)
    algorithm = [difference_from_algorithm(each) for each in runs("DDIM CFG++", training_sigmas, 7, 20)]
    found["DDIM CFG++"] = "Algorithm 2 of Chung et al. (2024)", max(algorithm)
    return found


@pytest.mark.filterwarnings("ignore:__array")  # diffusers with numpy 2
def test_the_page_about_samplers_says_what_is_measured(
    k_diffusion: Any,
    training_sigmas: Tensor,
    toy: Toy,
    words: Words,
    committed_page: Callable[[str, str], str],
) -> None:
    measured = oracles(k_diffusion, training_sigmas, toy, words)
    lines = []
    for name, row in SAMPLERS.items():
        oracle, largest = measured.get(name, ("", math.nan))
        noise = f"{row.noise} with churn" if "s_churn" in row.options else row.noise
        order = str(ORDERS[name][1]) if name in ORDERS else ""
        fresh = str(SPREAD_ORDERS[name][1]) if name in SPREAD_ORDERS else ""
        cells = (
            name,
            ", ".join(row.aliases),
            row.default_schedule,
            row.calls_per_step or "as needed",
            noise,
            order,
            fresh,
        )
        bound = order_of_magnitude(largest) if oracle else ""
        lines.append(f"| {' | '.join(map(str, cells))} | {oracle} | {bound} |")
    schedules = "\n".join(f"| {row.label} | {row.id} | {', '.join(row.aliases)} |" for row in SCHEDULES.values())
    taking = {
        option: ", ".join(row.label for row in SCHEDULES.values() if option in row.options)
        for option in ("sigma_min", "rho")
    }
    page = PAGE.format(samplers="\n".join(lines), schedules=schedules, ends=taking["sigma_min"], rhos=taking["rho"])
    assert committed_page("samplers.md", page) == page
