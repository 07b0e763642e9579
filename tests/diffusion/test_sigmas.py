"""The schedules, against k-diffusion, against diffusers, and against A1111's counting."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch
from diffusers.schedulers.scheduling_utils import AysSchedules
from torch import Tensor

from modules.diffusion.denoiser import img2img_sigmas, img2img_steps
from modules.diffusion.errors import AquatintError
from modules.diffusion.loading import training_sigmas as training_sigmas_of
from modules.diffusion.samplers import SAMPLERS, sampling_sigmas, schedule_for
from modules.diffusion.sigmas import (
    SCHEDULES,
    SKIP_TYPES,
    find_schedule,
    sigma_to_t,
    t_to_sigma,
    with_zero_terminal_snr,
)

STEPS = [1, 2, 8, 20, 28, 37, 50]


def sigmas_of(label: str, training_sigmas: Tensor, steps: int) -> Tensor:
    return SCHEDULES[label].function(training_sigmas, steps)


def assert_equal(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs.double(), rtol=1e-5, atol=1e-6)


@pytest.fixture
def discrete(k_diffusion: Any, training_sigmas: Tensor) -> Any:
    return k_diffusion.external.DiscreteSchedule(training_sigmas, quantize=False)


@pytest.mark.parametrize("steps", STEPS)
def test_karras_and_exponential_equal_those_of_k_diffusion(
    k_diffusion: Any, training_sigmas: Tensor, steps: int
) -> None:
    low, high = float(training_sigmas[0]), float(training_sigmas[-1])
    karras = k_diffusion.sampling.get_sigmas_karras(steps, low, high)
    exponential = k_diffusion.sampling.get_sigmas_exponential(steps, low, high)
    assert_equal(sigmas_of("Karras", training_sigmas, steps), karras)
    assert_equal(sigmas_of("Exponential", training_sigmas, steps), exponential)
    polyexponential = k_diffusion.sampling.get_sigmas_polyexponential(steps, low, high)
    assert_equal(sigmas_of("Polyexponential", training_sigmas, steps), polyexponential)


@pytest.mark.parametrize("scaled", [True, False])
def test_zero_terminal_snr_moves_the_schedule_as_diffusers_does(scaled: bool) -> None:
    plain, zero = (training_sigmas_of(scaled=scaled, zero_snr=zero) for zero in (False, True))
    schedule = "scaled_linear" if scaled else "linear"
    theirs = diffusers.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule=schedule, rescale_betas_zero_snr=True
    ).alphas_cumprod.double()
    for moved in (with_zero_terminal_snr(plain), zero):
        products = 1 / (1 + moved.double() ** 2)
        torch.testing.assert_close(products[:-1], theirs[:-1], rtol=2e-4, atol=1e-8)
        assert float(moved[-1]) == pytest.approx(4518.76, abs=0.1)
    assert float(with_zero_terminal_snr(plain)[0]) == pytest.approx(float(plain[0]), rel=1e-5)


MOVED = {"sigma_min": 0.1, "sigma_max": 10.0}
WITH_ENDS = ["Karras", "Exponential", "Polyexponential", "SGM Uniform", "KL Optimal", "Normal", "Beta"]


@pytest.mark.parametrize("steps", STEPS[1:])
def test_moved_ends_and_rho_mean_what_they_mean_in_k_diffusion(
    k_diffusion: Any, training_sigmas: Tensor, steps: int
) -> None:
    theirs = k_diffusion.sampling
    assert_equal(
        SCHEDULES["Karras"].shaped(**MOVED, rho=3).function(training_sigmas, steps),
        theirs.get_sigmas_karras(steps, 0.1, 10, rho=3),
    )
    assert_equal(
        SCHEDULES["Polyexponential"].shaped(**MOVED, rho=2.5).function(training_sigmas, steps),
        theirs.get_sigmas_polyexponential(steps, 0.1, 10, rho=2.5),
    )
    assert_equal(
        SCHEDULES["Exponential"].shaped(**MOVED, rho=2.5).function(training_sigmas, steps),
        theirs.get_sigmas_exponential(steps, 0.1, 10),
    )


@pytest.mark.parametrize("steps", STEPS[1:])
def test_moved_ends_of_even_times_are_where_k_diffusion_has_those_sigmas(
    discrete: Any, training_sigmas: Tensor, steps: int
) -> None:
    start, end = (float(discrete.sigma_to_t(torch.tensor([sigma]))) for sigma in (10.0, 0.1))
    normal, sgm = (SCHEDULES[label].shaped(**MOVED).function(training_sigmas, steps) for label in WITH_ENDS[5:2:-2])
    assert_equal(normal[:-1], discrete.t_to_sigma(torch.linspace(start, end, steps, dtype=torch.float64)))
    assert_equal(sgm[:-1], discrete.t_to_sigma(torch.linspace(start, end, steps + 1, dtype=torch.float64)[:-1]))


@pytest.mark.parametrize("label", WITH_ENDS)
def test_schedules_with_ends_go_between_them(training_sigmas: Tensor, label: str) -> None:
    moved, stops_short = SCHEDULES[label].shaped(**MOVED).function(training_sigmas, 12), label in WITH_ENDS[3:5]
    assert float(moved[0]) == pytest.approx(10, rel=1e-6)
    assert (float(moved[-2]) == pytest.approx(0.1, rel=1e-6)) is not stops_short
    assert float(moved[-2]) > 0.0999


@pytest.mark.parametrize("label", sorted({*SCHEDULES} - {*WITH_ENDS}))
def test_schedules_without_ends_stay_as_they_are(training_sigmas: Tensor, label: str) -> None:
    assert SCHEDULES[label].shaped(**MOVED, rho=3, alpha=0.3) is SCHEDULES[label]


def test_ends_the_wrong_way_round_are_said_in_words(training_sigmas: Tensor) -> None:
    for ends in ({"sigma_min": 20.0}, {"sigma_min": 3.0, "sigma_max": 3.0}):
        with pytest.raises(AquatintError, match="The schedule cannot go from sigma"):
            SCHEDULES["Karras"].shaped(**ends).function(training_sigmas, 5)


@pytest.mark.parametrize("steps", STEPS[1:])
def test_skip_types_of_unipc_are_the_times_of_its_authors(
    k_diffusion: Any, discrete: Any, training_sigmas: Tensor, steps: int
) -> None:
    """`get_time_steps` of their uni_pc.py: t from 1 to 1 / 1000, which is that many timesteps and one."""
    roots = torch.linspace(1, 0.001**0.5, steps + 1, dtype=torch.float64)[:-1]
    logs = k_diffusion.sampling.get_sigmas_exponential(steps + 1, float(training_sigmas[0]), float(training_sigmas[-1]))
    ours = {name: schedule.function(training_sigmas, steps)[:-1] for name, schedule in SKIP_TYPES.items()}
    assert_equal(ours["time_quadratic"], discrete.t_to_sigma(1000 * roots**2 - 1))
    assert_equal(ours["logSNR"], logs[:-2])
    assert schedule_for(SAMPLERS["UniPC"], "Karras", skip_type="logSNR") is SKIP_TYPES["logSNR"]
    assert schedule_for(SAMPLERS["DDIM"], None, skip_type="logSNR") is SCHEDULES["DDIM"]


@pytest.mark.parametrize("label", ["Uniform", "Normal"])
@pytest.mark.parametrize("steps", STEPS)
def test_uniform_and_normal_equal_what_k_diffusion_takes_from_a_model(
    discrete: Any, training_sigmas: Tensor, label: str, steps: int
) -> None:
    assert_equal(sigmas_of(label, training_sigmas, steps), discrete.get_sigmas(steps))


@pytest.mark.parametrize("steps", STEPS)
def test_sgm_uniform_is_a_uniform_of_one_more_without_its_end(
    discrete: Any, training_sigmas: Tensor, steps: int
) -> None:
    longer = discrete.get_sigmas(steps + 1)
    assert_equal(sigmas_of("SGM Uniform", training_sigmas, steps), torch.cat([longer[:-2], longer[-1:]]))


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # diffusers with numpy 2
@pytest.mark.parametrize(
    ("label", "spacing", "steps"),
    [
        ("Uniform", "linspace", 4),
        ("Normal", "linspace", 28),
        ("Simple", "trailing", 1),
        ("Simple", "trailing", 8),
        ("Simple", "trailing", 20),
        ("Simple", "trailing", 50),
        ("Turbo", "trailing", 1),
        ("Turbo", "trailing", 8),
        ("Turbo", "trailing", 20),
        ("DDIM", "leading", 4),
        ("DDIM", "leading", 20),
        ("DDIM", "leading", 50),
    ],
)
def test_where_diffusers_has_the_spacing_its_sigmas_are_ours(
    training_sigmas: Tensor, label: str, spacing: str, steps: int
) -> None:
    scheduler = diffusers.EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing=spacing, steps_offset=1
    )
    scheduler.set_timesteps(steps)
    torch.testing.assert_close(
        sigmas_of(label, training_sigmas, steps), scheduler.sigmas.double(), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("steps", STEPS[1:])
def test_beta_equals_that_of_diffusers(training_sigmas: Tensor, steps: int) -> None:
    scheduler = diffusers.EulerDiscreteScheduler(use_beta_sigmas=True)
    theirs = scheduler._convert_to_beta(training_sigmas.flip(0).numpy(), steps)
    assert_equal(sigmas_of("Beta", training_sigmas, steps)[:-1], torch.from_numpy(theirs))
    uneven = scheduler._convert_to_beta(training_sigmas.flip(0).numpy(), steps, alpha=0.3, beta=0.9)
    ours = SCHEDULES["Beta"].shaped(alpha=0.3, beta=0.9).function(training_sigmas, steps)
    assert_equal(ours[:-1], torch.from_numpy(uneven))


@pytest.mark.parametrize(("sdxl", "name"), [(False, "StableDiffusionSigmas"), (True, "StableDiffusionXLSigmas")])
def test_align_your_steps_goes_through_the_published_sigmas(training_sigmas: Tensor, sdxl: bool, name: str) -> None:
    schedule = schedule_for(SAMPLERS["Euler"], "align_your_steps", sdxl=sdxl)
    published = torch.tensor(AysSchedules[name])
    assert_equal(schedule.function(training_sigmas, 11)[:-2], published[:-1])
    assert_equal(schedule.function(training_sigmas, 21)[:-2:2], published[:-1])
    middle = (published[0] * published[1]).sqrt()
    assert_equal(schedule.function(training_sigmas, 21)[1], middle)


def test_kl_optimal_is_even_in_the_angle(training_sigmas: Tensor) -> None:
    angles = sigmas_of("KL Optimal", training_sigmas, 10)[:-1].atan()
    assert float(angles.diff().std()) < 1e-12
    assert float(2 * angles[-1] - angles[-2]) == pytest.approx(float(training_sigmas[0].atan()))


@pytest.mark.parametrize("label", SCHEDULES)
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=lambda row: row.name)
def test_a_run_descends_from_the_largest_sigma_to_zero_in_the_steps_asked_for(
    training_sigmas: Tensor, sampler: Any, label: str, steps: int
) -> None:
    sigmas = sampling_sigmas(sampler, SCHEDULES[label], training_sigmas.float(), steps)
    assert sigmas.dtype == torch.float32
    assert (sigmas.diff() < 0).all()
    assert sigmas[-1] == 0
    assert float(sigmas[0]) <= float(training_sigmas[-1]) * 1.0001
    assert len(sigmas) <= steps + 1 or label == "DDIM"


@pytest.mark.parametrize("label", [label for label in SCHEDULES if label != "DDIM"])
@pytest.mark.parametrize("steps", [*STEPS, 150])
def test_a_schedule_has_as_many_steps_as_were_asked_for(training_sigmas: Tensor, label: str, steps: int) -> None:
    assert len(sigmas_of(label, training_sigmas, steps)) == steps + 1


@pytest.mark.parametrize(
    ("steps", "highest", "lowest", "taken"), [(20, 951, 1, 20), (30, 991, 34, 30), (60, 993, 1, 63)]
)
def test_ddim_begins_where_a1111_begins(
    training_sigmas: Tensor, steps: int, highest: int, lowest: int, taken: int
) -> None:
    sigmas = sigmas_of("DDIM", training_sigmas, steps)
    assert sigmas[0] == training_sigmas[highest]
    assert sigmas[-2] == training_sigmas[lowest]
    assert len(sigmas) - 1 == taken


def test_more_steps_than_trained_timesteps_repeat_none(training_sigmas: Tensor) -> None:
    sigmas = sampling_sigmas(SAMPLERS["DPM++ 2M"], SCHEDULES["Simple"], training_sigmas, 3000)
    assert len(sigmas) == 1001


def test_time_and_sigma_are_inverse_as_in_k_diffusion(discrete: Any, training_sigmas: Tensor) -> None:
    t = torch.tensor([0.0, 0.25, 1.0, 500.5, 998.75, 999.0], dtype=torch.float64)
    sigmas = t_to_sigma(training_sigmas, t)
    assert_equal(sigmas, discrete.t_to_sigma(t))
    assert_equal(sigma_to_t(training_sigmas, sigmas), discrete.sigma_to_t(sigmas))
    assert_equal(sigma_to_t(training_sigmas, sigmas), t)


def test_a_trained_sigma_is_exactly_its_timestep(training_sigmas: Tensor) -> None:
    for exact in (training_sigmas, training_sigmas.float()):
        assert torch.equal(sigma_to_t(exact, exact), torch.arange(1000, dtype=exact.dtype))


def test_noise_beyond_what_was_trained_is_the_nearest_timestep(training_sigmas: Tensor) -> None:
    beyond = torch.tensor([1e-4, 1e4], dtype=torch.float64)
    assert sigma_to_t(training_sigmas, beyond).tolist() == [0, 999]


def test_a_schedule_is_found_by_any_of_its_names_in_any_case() -> None:
    assert find_schedule("sgm_UNIFORM") is find_schedule("SGMUniform") is SCHEDULES["SGM Uniform"]
    with pytest.raises(AquatintError, match=r"No schedule type called 'Karass'\. There are: Automatic, Uniform, "):
        find_schedule("Karass")


@pytest.mark.parametrize(
    ("steps", "strength", "fix", "expected"),
    [
        (20, 0.75, False, (20, 16)),
        (20, 1.0, False, (20, 20)),
        (20, 0.0, False, (20, 1)),
        (1, 1.0, False, (1, 1)),
        (20, 0.75, True, (26, 20)),
        (20, 1.0, True, (20, 20)),
        (20, 0.0, True, (20, 1)),
        (7, 0.3, True, (23, 7)),
    ],
)
def test_img2img_counts_its_steps_like_a1111(steps: int, strength: float, fix: bool, expected: tuple[int, int]) -> None:
    assert img2img_steps(steps, strength, fix_steps=fix) == expected


def test_img2img_goes_through_the_end_of_the_schedule(training_sigmas: Tensor) -> None:
    row, karras = SAMPLERS["DPM++ 2M"], SCHEDULES["Karras"]
    part = img2img_sigmas(row, karras, training_sigmas, 20, 0.5)
    assert torch.equal(part, karras.function(training_sigmas, 20)[-12:])
    fixed = img2img_sigmas(row, karras, training_sigmas, 20, 0.5, fix_steps=True)
    assert torch.equal(fixed, karras.function(training_sigmas, 40)[-21:])


@pytest.mark.parametrize("name", ["Euler", "DPM++ 2M", "DPM2", "DDIM", "UniPC"])
def test_the_next_to_last_sigma_is_discarded_once_and_never_a_whole_timestep(
    training_sigmas: Tensor, name: str
) -> None:
    sampler = SAMPLERS[name]
    schedule = schedule_for(sampler, None)
    plain = sampling_sigmas(sampler, schedule, training_sigmas, 8)
    discarded = sampling_sigmas(sampler, schedule, training_sigmas, 8, discard_penultimate=True)
    longer = schedule.function(training_sigmas, 9)
    expected = plain if sampler.on_timesteps else torch.cat([longer[:-2], longer[-1:]])
    assert torch.equal(discarded, expected)
    assert torch.equal(plain, discarded) is (name in ("DPM2", "DDIM", "UniPC"))
