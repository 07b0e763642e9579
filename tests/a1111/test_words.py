"""Words of A1111's modules that extensions have been written against, each with what it means there."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from modules.diffusion.sigmas import zero_terminal_snr
from modules.studio.app import App
from tests.a1111.words import word


def test_a_schedule_has_the_ends_that_it_is_asked_for(studio: App) -> None:
    schedulers = word("sd_schedulers")
    with studio.store.lease("starter") as model:
        word("bridge.host").host.model = model
        karras = schedulers.schedulers_map["Karras"]
        levels = karras.function(5, 0.1, 10.0, device="cpu")
        assert [round(float(levels[index]), 4) for index in (0, 4, 5)] == [10.0, 0.1, 0.0]
        simple = schedulers.simple_scheduler(5, 0, 0, None, "cpu")
        assert torch.equal(simple, schedulers.schedulers_map["simple"].function(n=5, inner_model=None))
    assert (karras.default_rho, karras.need_inner_model) == (7.0, False)
    assert schedulers.schedulers_map["uniform"].need_inner_model
    x, denoised = torch.ones(2, 4, 2, 2), torch.zeros(2, 4, 2, 2)
    assert torch.equal(schedulers.to_d(x, torch.tensor([2.0, 4.0]), denoised)[:, 0, 0, 0], torch.tensor([0.5, 0.25]))


def test_the_two_names_of_a_sampler_are_those_of_a1111() -> None:
    samplers = word("sd_samplers")
    assert samplers.get_sampler_and_scheduler("DPM++ 2M Karras", "Exponential") == ("DPM++ 2M", "Automatic")
    assert samplers.get_sampler_and_scheduler("DPM++ 2M", "karras", convert_automatic=False)[1].lower() == "karras"
    same = {"Sampler": "Euler", "Schedule type": "Exponential"}
    assert samplers.get_hr_sampler_and_scheduler(same) == ("Use same sampler", "Use same scheduler")
    assert samplers.get_hr_sampler_from_infotext({**same, "Hires sampler": "DPM++ SDE"}) == "DPM++ SDE"
    kdiffusion = word("sd_samplers_kdiffusion")
    assert kdiffusion.k_diffusion_samplers_map["Euler"].name == "Euler"
    assert callable(kdiffusion.k_diffusion_scheduler["karras"])


def test_styles_are_taken_out_of_prompts() -> None:
    styles = word("styles")
    assert styles.extract_style_text_from_prompt("masterpiece", "a cat, masterpiece") == (True, "a cat")
    assert styles.extract_style_text_from_prompt("fine, {prompt}", "fine, a cat") == (True, "a cat")
    assert styles.extract_style_text_from_prompt("fine, {prompt}", "good, a cat") == (False, "good, a cat")
    style = styles.PromptStyle("one", "masterpiece", "ugly")
    assert styles.extract_original_prompts(style, "a cat, masterpiece", "dog, ugly") == (True, "a cat", "dog")
    assert styles.extract_original_prompts(style, "a cat, masterpiece", "dog") == (False, "a cat, masterpiece", "dog")


def test_a_pattern_of_file_names_that_an_extension_adds_is_filled_in(studio: App) -> None:
    images = word("images")
    names = images.FilenameGenerator
    names.replacements["mood"] = lambda self, *args: f"{self.prompt_words()}/{'-'.join(args)}"
    names.replacements["nothing"] = lambda self: images.NOTHING_AND_SKIP_PREVIOUS_TEXT
    try:
        made = names(None, 7, "a cat, sleeping", Image.new("RGB", (8, 8)), basename="img")
        assert made.apply("[seed]-[mood<x><y>]-[nothing]") == "7-a cat sleeping_x-y-"
    finally:
        del names.replacements["mood"], names.replacements["nothing"]
    assert made.string_hash("a cat", "12") == hashlib.sha256(b"a cat").hexdigest()[:12]
    assert (made.hasprompt("cat|no", "dog|none"), made.basename) == ("catnone", "img")


def test_a_named_argument_of_a_script_is_set() -> None:
    runner = word("scripts").ScriptRunner()
    controls = [SimpleNamespace(elem_id="one_width"), SimpleNamespace(elem_id=None)]
    runner.scripts = [SimpleNamespace(name="one", controls=controls, args_from=2)]
    assert runner.set_named_arg((0, 1, 2, 3), "one", "one_width", 9) == (0, 1, 9, 3)
    assert runner.set_named_arg([0, 1, 2, 3], "one", "width", 9, fuzzy=True) == [0, 1, 9, 3]
    with pytest.raises(RuntimeError, match="arg_elem_id width not found in script one"):
        runner.set_named_arg([0, 1, 2, 3], "one", "width", 9)
    with pytest.raises(RuntimeError, match="script other not found"):
        runner.set_named_arg([0], "other", "width", 9)


def test_a_call_that_fails_gives_what_stands_for_it() -> None:
    def broken(_: Any) -> None:
        raise ValueError("no")

    scripts = word("scripts")
    assert scripts.wrap_call(broken, "x.py", "f", 1, default=5) == 5
    assert scripts.wrap_call(abs, "x.py", "f", -1, default=5) == 1


def test_callbacks_are_told_by_their_moments() -> None:
    callbacks = word("script_callbacks")
    assert dict(callbacks.enumerate_callbacks()).keys() >= {"cfg_denoiser", "image_saved"}
    assert callbacks.ordered_callbacks("cfg_denoiser", []) == []


def test_weights_are_taken_out_of_what_trainers_wrap_around_them() -> None:
    models = word("sd_models")
    wrapped = {"state_dict": {"a": 1}, "epoch": 3}
    assert models.get_state_dict_from_checkpoint(wrapped) == {"a": 1}
    assert models.re_strip_checksum.sub("", "fine.safetensors [0123abcd]") == "fine.safetensors"
    products = torch.linspace(0.99, 0.01, 50, dtype=torch.float64)
    assert torch.equal(models.rescale_zero_terminal_snr_abar(products), zero_terminal_snr(products))
    with models.SkipWritingToConfig():
        assert not models.check_fp8(None)


def test_a_vae_is_resolved_by_its_three_ways(studio: App) -> None:
    vae = word("sd_vae")
    assert vae.is_automatic()
    for found in (vae.resolve_vae_from_setting(), vae.resolve_vae_from_user_metadata(None)):
        assert not found.resolved
    assert vae.reload_vae_weights() is word("shared").sd_model


def test_options_that_are_a1111s_alone_read_as_there(studio: App) -> None:
    opts = word("shared").opts
    assert (opts.fp8_storage, opts.deepbooru_use_spaces, opts.enable_batch_seeds) == ("Disable", True, True)
    assert (opts.extra_networks_tree_view_style, opts.grid_zip_filename_pattern) == ("Dirs", "")


def test_there_is_no_bar_on_the_terminal() -> None:
    bar = word("shared").total_tqdm
    bar.updateTotal(5)
    assert not bar._tqdm


def test_weights_are_halved_where_they_are_to_be() -> None:
    extras = word("extras")
    assert extras.to_half(torch.ones(2), True).dtype == torch.float16
    assert extras.to_half(torch.ones(2), False).dtype == torch.float32
    assert extras.to_half(torch.ones(2, dtype=torch.float64), True).dtype == torch.float64


def test_embeddings_say_how_wide_they_are_and_their_short_hash(studio: App) -> None:
    inversion = word("textual_inversion.textual_inversion")
    embedding = inversion.Embedding(None, "mine")
    embedding.set_hash("0123456789abcdef")
    assert embedding.shorthash == "0123456789ab"
    encoder = word("bridge.model_face").checkpoint().text_widths
    assert inversion.EmbeddingDatabase().get_expected_shape() == max(encoder)


def test_answers_of_the_api_are_models_that_extensions_name() -> None:
    models = word("api.models")
    item = models.EmbeddingItem(shape=768, vectors=2)
    assert models.EmbeddingsResponse(loaded={"mine": item}, skipped={}).loaded["mine"].vectors == 2
    assert models.SchedulerItem(name="karras", label="Karras").aliases is None
    assert models.SDVaeItem(model_name="one", filename="one.pt").model_name == "one"
