"""What changes the sampling, over the HTTP API: it changes the picture, is written in it, and comes back from there."""

from __future__ import annotations

from typing import Any

import pytest

from modules.web.gate import Gate
from tests.web.test_http_api import make

OVERRIDES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "noise": ({}, {"randn_source": "NV"}, "RNG: NV"),
    "noise of DPM++ SDE": ({"sampler_name": "DPM++ SDE", "steps": 3}, {"randn_source": "NV"}, "RNG: NV"),
    "zero terminal SNR": ({}, {"sd_noise_schedule": "Zero Terminal SNR"}, "Noise Schedule: Zero Terminal SNR"),
    "min sigma": ({"scheduler": "Karras"}, {"sigma_min": 0.3}, "Schedule min sigma: 0.3"),
    "max sigma": ({"scheduler": "Karras"}, {"sigma_max": 9}, "Schedule max sigma: 9"),
    "rho": ({"scheduler": "Karras", "steps": 3}, {"rho": 3}, "Schedule rho: 3"),
    "beta": (
        {"scheduler": "Beta", "steps": 3},
        {"beta_dist_alpha": 0.3, "beta_dist_beta": 0.9},
        "Beta schedule alpha: 0.3, Beta schedule beta: 0.9",
    ),
    "discard": ({}, {"always_discard_next_to_last_sigma": True}, "Discard penultimate sigma: True"),
    "SGM": ({}, {"sgm_noise_multiplier": True}, "SGM noise multiplier: True"),
    "UniPC variant": ({"sampler_name": "UniPC", "steps": 4}, {"uni_pc_variant": "bh2"}, "UniPC variant: bh2"),
    "UniPC exactly": (
        {"sampler_name": "UniPC", "steps": 4},
        {"uni_pc_variant": "vary_coeff"},
        "UniPC variant: vary_coeff",
    ),
    "UniPC skips": ({"sampler_name": "UniPC"}, {"uni_pc_skip_type": "logSNR"}, "UniPC skip type: logSNR"),
    "UniPC order": ({"sampler_name": "UniPC", "steps": 4}, {"uni_pc_order": 1}, "UniPC order: 1"),
    "UniPC's end": (
        {"sampler_name": "UniPC", "steps": 5},
        {"uni_pc_lower_order_final": False},
        "UniPC lower order final: False",
    ),
}


@pytest.mark.parametrize(("values", "overrides", "entry"), OVERRIDES.values(), ids=OVERRIDES)
def test_an_option_changes_the_picture_and_its_text_brings_it_back(
    open_site: Gate, values: dict[str, Any], overrides: dict[str, Any], entry: str
) -> None:
    quick = {"sampler_name": "Euler", **values}
    plain, changed = make(open_site, **quick), make(open_site, **quick, override_settings=overrides)
    (text,) = changed["facts"]["infotexts"]
    assert entry in text
    assert entry not in plain["facts"]["infotexts"][0]
    assert changed["images"] != plain["images"]
    assert make(open_site, **quick, infotext=text)["images"] == changed["images"]


def test_on_a_machine_without_a_card_the_gpus_noise_is_the_cpus(open_site: Gate) -> None:
    plain, gpu = make(open_site), make(open_site, override_settings={"randn_source": "GPU"})
    assert gpu["images"] == plain["images"]
    assert "RNG: CPU" in gpu["facts"]["infotexts"][0]


def test_the_noise_schedule_of_one_job_is_not_the_next_ones(open_site: Gate) -> None:
    first = make(open_site)
    make(open_site, override_settings={"sd_noise_schedule": "Zero Terminal SNR"})
    assert make(open_site)["images"] == first["images"]


def test_a_schedule_that_cannot_be_is_said_in_words(open_site: Gate) -> None:
    with pytest.raises(AssertionError, match="The schedule cannot go from sigma"):
        make(open_site, scheduler="Karras", override_settings={"sigma_min": 500})
