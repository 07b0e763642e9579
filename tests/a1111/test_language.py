"""Prompts, infotexts, extra networks, samplers and noise, by A1111's names and through our own readers."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from modules.diffusion.noise import ImageNoise
from modules.diffusion.samplers import SAMPLERS
from modules.studio.app import App
from modules.web.gradio_files import GradioFiles
from tests.a1111.words import word

TEXT = (
    "a (cat:1.2), <lora:fine:0.7>\nNegative prompt: ugly\n"
    'Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 42, Size: 512x768, Clip skip: 2, Note: "a, b"'
)


def test_an_infotext_is_read_as_a1111_reads_it(studio: App) -> None:
    read = word("infotext_utils").parse_generation_parameters(TEXT)
    assert (read["Prompt"], read["Negative prompt"]) == ("a (cat:1.2), <lora:fine:0.7>", "ugly")
    assert (read["Size-1"], read["Size-2"], read["Clip skip"], read["Note"]) == ("512", "768", "2", "a, b")
    assert (read["Sampler"], read["Schedule type"]) == ("DPM++ 2M", "Automatic")
    assert (read["RNG"], read["Hires prompt"], read["Mask mode"]) == ("GPU", "", "Inpaint masked")
    assert word("generation_parameters_copypaste").parse_generation_parameters("a cat")["Prompt"] == "a cat"
    assert "Seed" not in word("infotext_utils").parse_generation_parameters(TEXT, skip_fields=["Seed"])


def test_values_are_quoted_and_unquoted() -> None:
    utils = word("infotext_utils")
    for text in ("plain", "a, b", 'a "b": c', "line\nline"):
        assert utils.unquote(utils.quote(text)) == text
    assert utils.quote("plain") == "plain"


def test_overrides_are_read_by_their_labels(studio: App) -> None:
    utils = word("infotext_utils")
    assert utils.create_override_settings_dict(None) == {}
    found = utils.create_override_settings_dict(["Clip skip: 2", "ENSD: 31337", "Nobody: 3", "no colon"])
    assert found == {"CLIP_stop_at_last_layers": 2, "eta_noise_seed_delta": 31337}
    read = utils.parse_generation_parameters(TEXT)
    assert ("Clip skip", "CLIP_stop_at_last_layers", 2) in utils.get_override_settings(read)


def test_a_picture_comes_as_base64_or_as_a_file_of_this_server(studio: App, tmp_path: Path) -> None:
    utils = word("infotext_utils")
    file = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(file, "PNG")
    sent = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    assert utils.image_from_url_text(sent).size == (3, 2)
    assert utils.image_from_url_text([{"data": sent}]).size == (3, 2)
    assert utils.image_from_url_text([]) is None
    ours = studio.folders.outputs / "x.png"
    ours.write_bytes(file.getvalue())
    with utils.image_from_url_text(str(ours)) as opened:
        assert utils.send_image_and_dimensions(opened)[1:] == (3, 2)
    secret = tmp_path / "secret.png"
    secret.write_bytes(file.getvalue())
    with pytest.raises(Exception, match="no picture of this server"):
        utils.image_from_url_text(str(secret))
    with pytest.raises(Exception, match="no picture"):
        utils.image_from_url_text("!!")


def test_a_file_is_read_by_its_owner_alone(studio: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    utils, course, page = word("infotext_utils"), word("bridge.course"), word("bridge.extension_page").page
    file = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(file, "PNG")
    boxes = GradioFiles(tmp_path / "exchange")
    monkeypatch.setattr(page, "site", SimpleNamespace(state=SimpleNamespace(gradio_files=boxes)))
    brought = boxes.bring("x.png", io.BytesIO(file.getvalue()), "ann")
    kept = studio.folders.outputs / "kept.png"
    kept.write_bytes(file.getvalue())
    studio.gallery.adopt(kept, "ann")
    for path in (brought, str(kept)):
        monkeypatch.setattr(course, "asker", lambda: "ann")
        assert utils.image_from_url_text(path).size == (3, 2)
        monkeypatch.setattr(course, "asker", lambda: "bob")
        with pytest.raises(Exception, match="no picture of this server"):
            utils.image_from_url_text(path)


def test_texts_of_old_versions_say_how_they_edited_prompts() -> None:
    versions = word("infotext_versions")
    old: dict[str, Any] = {"Version": "v1.5.2", "Prompt": "[a:b:5]"}
    new: dict[str, Any] = {"Version": "v1.9.0", "Prompt": "[a:b:5]"}
    versions.backcompat(old)
    versions.backcompat(new)
    assert old["Old prompt editing timelines"]
    assert "Old prompt editing timelines" not in new


def test_a_prompt_is_scheduled_by_our_grammar() -> None:
    parser = word("prompt_parser")
    schedules = parser.get_learned_conditioning_prompt_schedules
    assert schedules(["test"], 10) == [[[10, "test"]]]
    assert schedules(["a [b:3]"], 10) == [[[3, "a "], [10, "a b"]]]
    assert schedules(["[a|b]"], 3) == [[[1, "a"], [2, "b"], [3, "a"]]]
    assert schedules(["a [b:c:1.5]"], 10, 10)[0] == [[5, "a b"], [10, "a c"]]


def test_a_prompt_is_composed_and_weighed_by_our_grammar() -> None:
    parser = word("prompt_parser")
    places, parts, indexes = parser.get_multicond_prompt_list(["a AND b :1.2", "a"])
    assert places == [[(0, 1.0), (1, 1.2)], [(0, 1.0)]] or [len(each) for each in places] == [2, 1]
    assert len(parts) == len(indexes)
    assert parser.parse_prompt_attention("a (b:1.3) BREAK c") == [["a ", 1.0], ["b", 1.3], ["BREAK", -1], ["c", 1.0]]
    assert parser.parse_prompt_attention("") == [["", 1.0]]


def test_what_prompts_say_is_encoded_once_and_found_by_step() -> None:
    parser = word("prompt_parser")
    asked: list[list[str]] = []

    class Model:
        def get_learned_conditioning(self, texts: list[str]) -> torch.Tensor:
            asked.append(list(texts))
            return torch.stack([torch.full((2, 3), float(len(text))) for text in texts])

    said = parser.get_learned_conditioning(Model(), ["a [bbb:5]", "a [bbb:5]"], 10)
    assert asked == [["a ", "a bbb"]]
    assert parser.reconstruct_cond_batch(said, 5)[0, 0, 0] == 2
    assert parser.reconstruct_cond_batch(said, 6)[1, 0, 0] == 5
    multi = parser.get_multicond_learned_conditioning(Model(), ["a AND bb:0.5"], 10)
    places, conds = parser.reconstruct_multicond_batch(multi, 1)
    assert [weight for _, weight in places[0]] == [1.0, 0.5]
    assert conds.shape == (2, 2, 3)


def test_networks_of_a_prompt_are_told_by_kind() -> None:
    networks = word("extra_networks")
    prompt, found = networks.parse_prompt("a cat <lora:fine:0.7:te=1> <theirs:x> end")
    assert prompt == "a cat   end"
    assert found["lora"] == [networks.ExtraNetworkParams(["fine", "0.7", "te=1"])]
    assert (found["lora"][0].positional, found["lora"][0].named) == (["fine", "0.7"], {"te": "1"})
    prompts, of_first = networks.parse_prompts(["a <lora:x:1>", "b <lora:y:1>"])
    assert prompts == ["a ", "b "]
    assert of_first["lora"][0].items == ["x", "1"]


def test_an_extensions_kind_of_network_is_told_of_every_batch() -> None:
    networks = word("extra_networks")
    heard: list[Any] = []

    class Theirs(networks.ExtraNetwork):  # type: ignore[misc,name-defined]
        def activate(self, p: Any, params_list: list[Any]) -> None:
            heard.append([params.items for params in params_list])

        def deactivate(self, p: Any) -> None:
            heard.append("off")

    networks.register_extra_network(Theirs("theirs"))
    networks.register_extra_network_alias(networks.extra_network_registry["theirs"], "them")
    data = networks.parse_prompt("<theirs:x> <them:y>")[1]
    networks.activate(None, data)
    networks.deactivate(None, data)
    networks.activate(None, {})
    assert networks.without_registered("a <theirs:x> b <lora:y:1>") == "a  b <lora:y:1>"
    networks.initialize()
    networks.activate(None, data)
    assert heard == [[["x"], ["y"]], "off", []]


def test_samplers_and_schedules_are_found_by_all_names(studio: App) -> None:
    samplers, schedules = word("sd_samplers"), word("sd_schedulers")
    assert [each.name for each in samplers.all_samplers] == list(SAMPLERS)
    assert samplers.find_sampler_config("k_euler_a").name == "Euler a"
    assert samplers.find_sampler_config("none such") is None
    assert samplers.create_sampler("DPM++ 2M Karras", None).config.name == "DPM++ 2M"
    assert samplers.get_sampler_and_scheduler("DPM++ SDE Karras", None) == ("DPM++ SDE", "Automatic")
    assert samplers.get_sampler_and_scheduler("Euler Karras", None) == ("Euler", "Karras")
    assert schedules.schedulers_map["karras"].label == "Karras"
    assert word("sd_samplers_timesteps").samplers_timesteps[0].name == "DDIM"
    with pytest.raises(word("bridge.missing").NotHereError, match="sampler_name"):
        samplers.create_sampler("Euler", None).sample()
    p = SimpleNamespace(sampler_name="Euler Karras", scheduler=None)
    samplers.fix_p_invalid_sampler_and_scheduler(p)
    assert (p.sampler_name, p.scheduler) == ("Euler", "Karras")


def test_a_batchs_noise_is_the_cores(studio: App) -> None:
    rng = word("rng")
    ours = ImageNoise([1, 2], (4, 8, 8), subseeds=[3, 4], subseed_strength=0.3)
    theirs = rng.ImageRNG((4, 8, 8), [1, 2], [3, 4], 0.3)
    assert torch.equal(word("processing").create_random_tensors((4, 8, 8), [1, 2], [3, 4], 0.3), ours.initial())
    assert torch.equal(theirs.next(), ours.initial())
    assert torch.equal(theirs.next(), ours.gaussian(torch.zeros(()), torch.zeros(())))
    assert torch.equal(
        torch.randn(2, generator=rng.create_generator(5)), torch.randn(2, generator=rng.create_generator(5))
    )


def test_noise_is_made_as_the_options_say(studio: App) -> None:
    studio.settings.change({"randn_source": "NV"})
    nvidias = word("rng_philox").Generator(7).randn((4, 8, 8))
    assert torch.equal(word("devices").randn(7, (4, 8, 8)), torch.from_numpy(nvidias))
    assert torch.equal(word("rng").ImageRNG((4, 8, 8), [7]).next()[0], torch.from_numpy(nvidias))
    studio.settings.change({"randn_source": "CPU"})
    assert not torch.equal(word("devices").randn(7, (4, 8, 8)), torch.from_numpy(nvidias))


def test_weights_are_read_without_running_what_is_in_them(studio: App, tmp_path: Path) -> None:
    safe = word("safe")
    torch.save({"state_dict": {"a": torch.arange(3.0)}, "step": 5}, tmp_path / "x.pt")
    read = safe.load(tmp_path / "x.pt")
    assert torch.equal(read["state_dict"]["a"], torch.arange(3.0))
    assert read["step"] == 5
    torch.save({"a": Path("x")}, tmp_path / "bad.pt")
    for load in (safe.load, safe.unsafe_torch_load, safe.load_with_extra, safe.check_pt):
        with pytest.raises(Exception, match="refused"):
            load(tmp_path / "bad.pt")


def test_where_a_mask_is() -> None:
    masking = word("masking")
    mask = Image.new("L", (100, 80))
    mask.paste(255, (40, 30, 60, 50))
    assert masking.get_crop_region(mask, 5) == (35, 25, 65, 55)
    assert masking.get_crop_region_v2(Image.new("L", (8, 8))) is None
    wider = masking.expand_crop_region((40, 30, 60, 50), 200, 100, 100, 80)
    assert (wider[2] - wider[0]) / (wider[3] - wider[1]) == 2
    assert masking.fill(Image.new("RGB", (100, 80), "red"), mask).getpixel((50, 40)) == (255, 0, 0)
