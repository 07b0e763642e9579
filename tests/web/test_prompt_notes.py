"""What the page says of prompts while they are typed, against what is installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from modules.diffusion.embedding_files import EmbeddingFolder
from modules.diffusion.lora_files import LoraFolder
from modules.studio.app import App
from modules.studio.request import Img2Img, Txt2Img
from modules.studio.settings import Options
from modules.studio.wildcards import WildcardFolder
from modules.web.prompt_notes import PromptNotes
from modules.web.tokens import TokenCounter

Said = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def said(app: App, tmp_path: Path) -> Said:
    """The problems of a prompt on the starter, with a LoRA that fits it, one for SDXL, a hypernetwork for SDXL, and an
    embedding for SD 2.x."""
    place = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"
    width = sum(app.store.find("starter").text_widths)
    for folder, name, tensors in (
        ("lora", "fits", {place: torch.ones(1, width)}),
        ("lora", "large", {place: torch.ones(1, 2048)}),
        ("embeddings", "Inkstyle", {"emb_params": torch.ones(1, 1024)}),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        save_file(tensors, tmp_path / folder / f"{name}.safetensors")
    embeddings = EmbeddingFolder([tmp_path / "embeddings"])
    (tmp_path / "colour.txt").write_text("red")
    wildcards = WildcardFolder(tmp_path)
    wildcards.refresh()
    loras = LoraFolder([tmp_path / "lora"])
    layers = {"linear.0.weight": torch.ones(4, 2048), "linear.1.weight": torch.ones(2048, 4)}
    (tmp_path / "hypernetworks").mkdir()
    torch.save({2048: (layers, layers), "name": "pale"}, tmp_path / "hypernetworks/pale.pt")
    folders = replace(app.folders, hypernetworks=tmp_path / "hypernetworks")
    app = app._replace(loras=loras, embeddings=embeddings, wildcards=wildcards, folders=folders)
    notes = PromptNotes(app, TokenCounter(embeddings))

    def say(prompt: str, options: Options | None = None, **fields: Any) -> list[dict[str, Any]]:
        kind = Img2Img if "denoising_strength" in fields else Txt2Img
        negative = fields.pop("negative", False)
        request = kind.model_validate({"negative_prompt" if negative else "prompt": prompt, **fields})
        checkpoint = app.store.find("starter")
        answer = json.loads(notes.of(request, options or Options(), checkpoint, negative=negative))
        assert answer["of"] == prompt
        problems: list[dict[str, Any]] = answer["problems"]
        return problems

    return say


def test_places_are_counted_as_javascript_counts_them(said: Said) -> None:
    (problem,) = said("😀 a (cat")
    assert (problem["start"], problem["end"]) == (5, 6)
    assert problem["text"].startswith("( is never closed")
    assert problem["fix"] == "\\("


def test_networks_are_known_by_any_of_their_names_and_told_apart_by_family(said: Said) -> None:
    assert said("<lora:FITS:1> <lyco:fits:0.5>") == []
    (problem,) = said("a <lora:large:1>")
    assert problem["text"] == "large is a LoRA for SDXL, not for starter."
    assert problem["fix"] == ""
    (problem,) = said("a <lora:fitz:1>")
    assert (problem["text"], problem["fix"]) == ("There is no lora called fitz.", "<lora:fits:1>")


def test_a_hypernetwork_that_is_not_there_is_said(said: Said) -> None:
    (problem,) = said("a <hypernet:art:1>")
    assert (problem["text"], problem["fix"]) == ("There is no hypernet called art.", "")


def test_a_hypernetwork_of_another_family_is_said(said: Said) -> None:
    (problem,) = said("a <hypernet:Pale:1>")
    assert (problem["text"], problem["fix"]) == ("Pale is a hypernetwork for SDXL, not for starter.", "")


def test_an_embedding_of_another_family_is_said_where_it_stands(said: Said) -> None:
    (problem,) = said("a fox, inkstyle", negative=True)
    assert (problem["start"], problem["end"]) == (7, 15)
    assert problem["text"] == "The embedding Inkstyle is for SD 2.x, not for starter."


def test_a_step_is_late_for_the_steps_that_are_taken(said: Said) -> None:
    late = "9 is not before the last step"
    assert said("[sun:moon:9]", steps=20) == []
    assert late in said("[sun:moon:9]", steps=9)[0]["text"]
    picture = {"init_images": ["0" * 32], "steps": 20, "denoising_strength": 0.3}
    assert late in said("[sun:moon:9]", **picture)[0]["text"]
    assert said("[sun:moon:9]", Options(img2img_fix_steps=True), **picture) == []


def test_what_is_only_worth_knowing_comes_last(said: Said) -> None:
    first, last = said("word " * 80 + "(cat")
    assert (first["is_note"], last["is_note"]) == (False, True)
    assert (last["start"], last["fix"]) == (5 * 75, "BREAK ")


@pytest.mark.parametrize("emphasis", ["None", "Ignore"])
def test_brackets_are_no_problem_where_they_weigh_nothing(said: Said, emphasis: Any) -> None:
    assert said("a (cat", Options(emphasis=emphasis)) == []


def test_wildcards_are_looked_up_and_said_to_be_off_when_they_are(said: Said) -> None:
    on = Options(dynamic_prompts=True)
    assert said("a __colour__ {hat|cap}", on) == []
    (problem,) = said("a __colours__ hat", on)
    assert (problem["start"], problem["end"]) == (2, 13)
    assert problem["text"] == "There is no wildcard called colours. There is: colour."
    assert problem["fix"] == "__colour__"
    (problem,) = said("a __zzz__ hat", on)
    assert problem["fix"] == ""
    told = said("a __colour__ {2::hat|cap}")
    assert [problem["text"][:38] for problem in told] == ["Wildcards and choices are switched off"] * 2
    assert [problem["fix"] for problem in told] == ["red", "hat"]
    assert said("a __init__ {hat}") == []


def test_a_page_of_text_is_no_work(said: Said) -> None:
    problems = said("(" * 2000 + "[a:b:900] <lora:x:1> word " * 600)
    assert len(problems) == 20


def test_the_second_pass_is_looked_through_with_its_own_words_while_there_is_one(app: App) -> None:
    notes = PromptNotes(app, TokenCounter(EmbeddingFolder([])))
    fields = {"hr_prompt": "a (tower", "hr_negative_prompt": "<lora:gone:1>", "hr_checkpoint_name": "starter"}
    checkpoint = app.store.find("starter")
    told = notes.all(Txt2Img(prompt="plain", enable_hr=True, **fields), Options(), checkpoint)
    prompts = [json.loads(each) for each in told]
    assert [each["of"] for each in prompts] == ["plain", "", "a (tower", "<lora:gone:1>"]
    assert [len(each["problems"]) for each in prompts] == [0, 0, 1, 1]
    assert prompts[2]["problems"][0]["fix"] == "\\("
    assert notes.all(Txt2Img(prompt="plain", **fields), Options(), checkpoint)[2:] == ["", ""]
    assert len(notes.all(Img2Img(prompt="plain", init_images=("1",)), Options(), checkpoint)) == 2
