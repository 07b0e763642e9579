"""Wildcards: files of words, and jobs whose prompts are drawn from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from dynamicprompts.generators import CombinatorialPromptGenerator
from dynamicprompts.wildcards.wildcard_manager import WildcardManager

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.infotext import read_infotext
from modules.studio.job import Progress
from modules.studio.request import Txt2Img
from modules.studio.templates import draw
from modules.studio.wildcards import WildcardFolder
from tests.studio.test_loras import run

Heart = Callable[..., Txt2Img]
ON = {"override_settings": {"dynamic_prompts": True}}
BOMB = "\n".join(["a0: &a0 x", *(f"a{n}: &a{n} {{b: *a{n - 1}, c: *a{n - 1}}}" for n in range(1, 40))])
"""Two things of two things of two things ..., in a few hundred letters."""


def folder_of(path: Path, **files: str) -> WildcardFolder:
    for name, text in files.items():
        file = path / name.replace("__", "/").replace("_yaml", ".yaml").replace("_txt", ".txt").replace(
            "_json", ".json"
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    folder = WildcardFolder(path)
    folder.refresh()
    return folder


def test_a_text_file_is_a_list_by_its_name(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, Colour_txt="\ufeffred \n\n# a remark\n  blau, grün # another\n", sub__deep_txt="x")
    assert folder.lists == {"Colour": ["red", "blau, grün"], "sub/deep": ["x"]}
    assert folder.find("colour") == folder.find("COLOUR") == ["red", "blau, grün"]
    assert folder.find("deep") == folder.find("sub/deep") == folder.find("sub/*") == ["x"]
    assert folder.find("*") == ["red", "blau, grün", "x"]


def test_a_yaml_or_json_file_holds_lists_by_their_keys(tmp_path: Path) -> None:
    yaml = "animals:\n  cats: [tabby, 2::lion]\n  dogs:\n    - pug\nsize: 7\nnothing:\n"
    folder = folder_of(tmp_path, a_yaml=yaml, sub__b_json='{"hats": ["bowler"]}', c_json='["one", "two"]')
    assert folder.lists == {
        "animals/cats": ["tabby", "2::lion"],
        "animals/dogs": ["pug"],
        "size": ["7"],
        "c": ["one", "two"],
        "sub/hats": ["bowler"],
    }
    assert folder.find("cats") == ["tabby", "2::lion"]


@pytest.mark.parametrize(
    "template",
    [
        "__colour__",
        "__animals/*__",
        "__animals/**__",
        "__animals/c*__",
        "__a?__",
        "__a*__",
        "__fruit__",
        "__thing/sub__",
        "__list__",
        "__nested__",
        "{2$$ & $$__colour__}",
        "__nobody__ and __colour__",
    ],
)
def test_files_hold_what_dynamicprompts_finds_in_them(tmp_path: Path, template: str) -> None:
    folder = folder_of(
        tmp_path,
        colour_txt="red\n# a remark\n\nblue # too\n  {dark|pale} grey  \n",
        animals__cat_txt="tabby\nlion",
        animals__dog_txt="pug",
        animals__deep__fish_txt="cod",
        ab_txt="x",
        ac_txt="y",
        nested_txt="a __colour__ __animals/*__\nnone",
        y_yaml="fruit:\n  - apple\n  - 2::pear\nthing:\n  sub:\n    - one\n    - '{two|three}'\n",
        list_json='["j1", "j2"]',
    )
    theirs = CombinatorialPromptGenerator(WildcardManager(tmp_path)).generate(template, 200)
    ours = (draw(template, folder.find, Random(seed)).text for seed in range(900))
    assert {"".join(text.split()) for text in ours} == {"".join(str(text).split()) for text in theirs}


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "../../*", "..", "sub/../../secret"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = folder_of(tmp_path / "wildcards", sub__a_txt="a")
    with pytest.raises(AquatintError, match="There is no wildcard called"):
        folder.find(name)
    assert folder_of(tmp_path).find("secret") == ["secret"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a_yaml", "a: [1, {b: \n", "a.yaml is left out: line 2"),
        ("a_yaml", "a: !!python/object/apply:os.system ['true']", "a.yaml is left out"),
        ("a_yaml", BOMB, "more than"),
        ("a_json", "{", "a.json is left out: it is no JSON"),
        ("a_yaml", "[" * 5000, "a.yaml is left out"),
    ],
    ids=["unfinished", "a program", "a bomb", "json", "deep"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_said_where_it_is_missed(tmp_path: Path, name: str, text: str, said: str) -> None:
    folder = folder_of(tmp_path, colour_txt="red", **{name: text})
    assert folder.find("colour") == ["red"]
    with pytest.raises(AquatintError) as error:
        folder.find("colours")
    assert "There is: colour." in str(error.value)
    assert said in str(error.value)


def test_a_file_of_other_letters_is_said(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_bytes("grün".encode("latin-1"))
    with pytest.raises(AquatintError, match=r"old\.txt is left out: it is not UTF-8 text"):
        folder_of(tmp_path).find("old")


def test_files_that_change_are_read_again(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, colour_txt="red")
    assert folder.find("colour") == ["red"]
    (tmp_path / "colour.txt").write_text("blue\ngreen")
    folder.refresh()
    assert folder.find("colour") == ["blue", "green"]
    (tmp_path / "colour.txt").unlink()
    folder.refresh()
    with pytest.raises(AquatintError, match="is empty"):
        folder.find("colour")


def prompts(end: Progress) -> list[str]:
    return [read_infotext(image.infotext).prompt for image in end.images]


def test_each_picture_has_the_words_of_its_seed_alone_and_in_a_batch(app: App, heart: Heart) -> None:
    (app.folders.wildcards / "colour.txt").write_text("red\nblue\ngreen\nyellow\nblack\nwhite")
    template = "a __colour__ {heart|star|moon}"
    batch = run(app, heart(prompt=template, seed=100, batch_size=2, n_iter=2, **ON))
    alone = [run(app, heart(prompt=template, seed=seed, **ON)) for seed in (100, 102)]
    found = prompts(batch)
    assert [found[0], found[2]] == [*prompts(alone[0]), *prompts(alone[1])]
    assert len(set(found)) > 1
    assert all("_" not in text and "{" not in text for text in found)
    assert batch.comments == ()


def test_the_templates_are_kept_in_the_infotext(app: App, heart: Heart) -> None:
    request = heart(prompt="a {red|blue} heart", negative_prompt="{dark, |}grey", **ON)
    params = read_infotext(run(app, request).images[0].infotext).params
    assert (params["Template"], params["Negative Template"]) == ("a {red|blue} heart", "{dark, |}grey")
    plain = read_infotext(run(app, heart(**ON)).images[0].infotext).params
    assert "Template" not in plain
    assert "Negative Template" not in plain


def test_templates_below_the_parameters_are_read_as_sd_dynamic_prompts_wrote_them() -> None:
    written = "a red\nheart\nNegative prompt: grey\nSteps: 3, Sampler: Euler, CFG scale: 4, Seed: 7, Size: 64x64"
    found = read_infotext(f"{written}\nTemplate: a {{red|blue}}\nheart\nNegative Template:{{grey|dark}}")
    assert (found.prompt, found.negative_prompt, found.params["Seed"]) == ("a red\nheart", "grey", "7")
    assert found.params["Template"] == "a {red|blue}\nheart"
    assert found.params["Negative Template"] == "{grey|dark}"
    assert read_infotext("a cat\nTemplate: is a word").prompt == "a cat\nTemplate: is a word"


def test_without_the_option_nothing_is_drawn(app: App, heart: Heart) -> None:
    assert prompts(run(app, heart(prompt="a {red|blue} heart"))) == ["a {red|blue} heart"]
    app.settings.change({"dynamic_prompts": True})
    assert prompts(run(app, heart(prompt="a {red|red} heart"))) == ["a red heart"]
    off = {"override_settings": {"dynamic_prompts": False}}
    assert prompts(run(app, heart(prompt="a {red|blue} heart", **off))) == ["a {red|blue} heart"]


def test_a_wildcard_that_is_not_there_is_said_once(app: App, heart: Heart) -> None:
    end = run(app, heart(prompt="a __colour__ heart", n_iter=2, **ON))
    assert end.comments == ("There is no wildcard called colour. The folder wildcards is empty.",)
    assert prompts(end) == ["a __colour__ heart"] * 2


def test_networks_and_styles_may_be_drawn(app: App, heart: Heart) -> None:
    app.styles.save("hats", "{prompt}, in a {bowler|bowler}", "")
    end = run(app, heart(prompt="{<lora:stile:1>|<lora:stile:0.5>} heart", styles=["hats"], **ON))
    assert "No LoRA called 'stile'" in end.comments[0]
    assert prompts(end)[0].endswith("heart, in a bowler")


def test_the_second_pass_has_words_of_its_own_or_those_of_the_first(app: App, heart: Heart) -> None:
    twice = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.5, "hr_upscaler": "Latent", **ON}
    end = run(app, heart(prompt="a {b|c|d|e|f|g}", hr_prompt="a {b|c|d|e|f|g}", **twice))
    info = read_infotext(end.images[0].infotext)
    assert info.params["Hires prompt"] == info.prompt
    assert "{" not in info.prompt
