"""Entries of A1111 and Forge: each is restored by a row, or said to be without effect."""

from __future__ import annotations

import pytest

from modules.diffusion.errors import AquatintError
from modules.studio.infotext import read_infotext, to_request_values
from modules.studio.infotext_others import WITHOUT_EFFECT, module_as_vae, without_effect
from modules.studio.infotext_rows import ROWS

OF_A1111 = (
    *("Steps", "Sampler", "Schedule type", "CFG scale", "Image CFG scale", "Seed", "Face restoration", "Size"),
    *("Model hash", "Model", "FP8 weight", "Cache FP16 weight for LoRA", "VAE hash", "VAE", "Variation seed"),
    *("Variation seed strength", "Seed resize from", "Denoising strength", "Conditional mask weight", "Clip skip"),
    *(
        "ENSD",
        "Token merging ratio",
        "Token merging ratio hr",
        "Init image hash",
        "RNG",
        "Tiling",
        "Hires upscale",
        "Hires resize",
    ),
    *("Hires steps", "Hires upscaler", "Hires checkpoint", "Hires sampler", "Hires schedule type", "Hires prompt"),
    *("Hires negative prompt", "Hires refiner", "Refiner", "Refiner switch at", "Refiner switch by sampling steps"),
    *("Mask mode", "Mask blur", "Inpaint area", "Masked area padding", "Masked content", "Noise multiplier"),
    *("Extra noise", "Eta", "Eta DDIM", "Skip Early CFG", "NGMS", "NGMS all steps", "Pad conds", "Pad conds v0"),
    *("Old prompt editing timelines", "Downcast alphas_cumprod", "VAE Encoder", "VAE Decoder", "Emphasis"),
    *("SD upscale overlap", "SD upscale upscaler", "Hypertile U-Net", "ControlNet 0"),
)
OF_FORGE = (
    *("Distilled CFG Scale", "Hires CFG Scale", "Hires Distilled CFG Scale", "Hires Module 1", "Module 1", "Module 12"),
    "Diffusion in Low Bits",
    "Original Size",
)
TEXT = "a cat\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64"


@pytest.mark.parametrize("label", [*OF_A1111, *OF_FORGE])
def test_an_entry_is_restored_or_known_to_be_without_effect(label: str) -> None:
    assert (label in {row.label for row in ROWS}) != bool(WITHOUT_EFFECT.fullmatch(label))


def test_what_has_no_effect_is_said_in_one_sentence() -> None:
    restored = to_request_values(read_infotext(f"{TEXT}, FP8 weight: Enable, Module 1: ae"))
    assert restored.problems == ["Without effect here: FP8 weight (Enable), Module 1 (ae)."]
    assert restored.values["steps"] == 20


def test_a_module_of_forge_that_is_a_vae_here_is_one() -> None:
    def find(name: str) -> str:
        if name != "fine":
            raise AquatintError(f"No VAE called {name}.")
        return "sub/Fine.safetensors"

    told = {"Module 1": "clip_l", "Module 2": "fine", "Seed": "1"}
    assert module_as_vae(told, find) == {"Module 1": "clip_l", "Seed": "1", "VAE": "sub/Fine.safetensors"}
    assert module_as_vae({"Module 1": "clip_l"}, find) == {"Module 1": "clip_l"}
    assert module_as_vae({"Module 1": "fine", "VAE": "own"}, find) == {"Module 1": "fine", "VAE": "own"}


def test_what_would_change_nothing_anyway_is_not_mentioned() -> None:
    assert without_effect({"VAE Encoder": "Full", "FP8 weight": "Disable", "Pad conds": "False"}) == []
    assert without_effect({"VAE Encoder": "TAESD"}) == ["Without effect here: VAE Encoder (TAESD)."]


def test_a_hypernetwork_of_an_old_text_goes_into_the_prompt() -> None:
    restored = to_request_values(read_infotext(f"{TEXT}, Hypernet: bold, Hypernet strength: 0.6"))
    assert restored.values["prompt"] == "a cat<hypernet:bold:0.6>"
    hostile = to_request_values(read_infotext(f'{TEXT}, Hypernet: "<lora:x:1>"'))
    assert hostile.values["prompt"] == "a cat"
