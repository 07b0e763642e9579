"""The scripts that come with the program: what they read, what they paint, and what they say when it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageFont

from modules.studio.app import App
from modules.studio.infotext import read_infotext
from modules.studio.job import Progress
from modules.studio.request import Txt2Img
from tests.a1111.own import part
from tests.a1111.words import word

Paint = Callable[..., Progress]


@pytest.fixture
def extended(open_extended: Callable[..., App]) -> App:
    return open_extended(own=True)


@pytest.fixture
def paint(extended: App) -> Paint:
    """Runs a quick job with a script and gives its end."""

    def paint(script: str | None, *args: Any, **changes: Any) -> Progress:
        values = {"prompt": "red heart", "seed": 7, "steps": 1, "width": 64, "height": 64, "cfg_scale": 1.0, **changes}
        request = Txt2Img.model_validate({**values, "script_name": script, "script_args": args})
        return extended.engine.submit(request, "local").wait()

    return paint


def texts(end: Progress) -> list[tuple[str, str]]:
    """Prompt and seed of each picture."""
    read = [read_infotext(image.infotext) for image in end.images]
    return [(text.prompt, text.params["Seed"]) for text in read]


def test_hello_is_off_until_it_is_turned_on(open_extended: Callable[..., App]) -> None:
    open_extended(own=True)
    assert "Hello" not in word("scripts").scripts_txt2img.titles
    loaded = {each.name: each.enabled for each in word("bridge.loaded").loaded.extensions}
    assert (loaded["hello"], loaded["storyboard"]) == (False, True)


def test_hello_adds_words_to_every_prompt(open_extended: Callable[..., App]) -> None:
    open_extended(own=True)
    word("bridge.containment").containment.turn("hello", True)
    extended = open_extended(own=True)
    request = Txt2Img(
        prompt="red heart", seed=7, steps=1, width=64, height=64, batch_size=2, alwayson_scripts={"Hello": ["in snow"]}
    )
    end = extended.engine.submit(request, "local").wait()
    assert texts(end) == [("red heart, in snow", "7"), ("red heart, in snow", "8")]
    assert read_infotext(end.images[0].infotext).params["Hello"] == "in snow"


# Prompt matrix


def test_every_combination_of_parts_comes_once() -> None:
    combinations: Any = part("prompt-matrix", "scripts/prompt_matrix.py").combinations
    assert combinations("a|b|c") == (["a", "b", "c"], ["a", "a, b", "a, c", "a, b, c"])
    assert combinations("a | b", " ", at_start=True) == (["a", "b"], ["a", "b a"])
    assert combinations("a") == (["a"], ["a"])


def test_a_matrix_has_a_sheet_and_a_picture_for_each_combination(paint: Paint) -> None:
    end = paint("Prompt matrix", False, False, "positive", "comma", 0, prompt="heart|red|blue", batch_size=2)
    assert (end.state, end.comments) == ("done", ())
    assert texts(end)[1:] == [("heart", "7"), ("heart, red", "7"), ("heart, blue", "7"), ("heart, red, blue", "7")]
    assert end.images[0].width > 2 * 64


def test_a_matrix_may_have_a_seed_for_each_picture_and_vary_what_is_not_wanted(paint: Paint) -> None:
    end = paint("Prompt matrix", False, True, "negative", "space", 0, negative_prompt="dull|dark")
    read = [read_infotext(image.infotext) for image in end.images[1:]]
    assert [(each.negative_prompt, each.params["Seed"]) for each in read] == [("dull", "7"), ("dull dark", "8")]


def test_too_many_parts_are_told_to_the_person(paint: Paint) -> None:
    end = paint("Prompt matrix", False, False, "positive", "comma", 0, prompt="|".join("abcdefghijkl"))
    assert end.state == "failed"
    assert "at most 10" in end.error


# Prompts from file


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("a red apple", {"prompt": "a red apple"}),
        ('--prompt "a b" --steps 3', {"prompt": "a b", "steps": 3}),
        ("--prompt a b c --tiling TRUE", {"prompt": "a b c", "tiling": True}),
        ("--cfg_scale 4.5 --do-not-save-grid no", {"cfg_scale": 4.5, "do_not_save_grid": False}),
    ],
)
def test_a_line_says_a_prompt_or_flags(line: str, found: dict[str, Any]) -> None:
    assert part("prompts-from-file", "scripts/prompts_from_file.py").read_line(line) == found


@pytest.mark.parametrize(
    "line", ["--nothing 1", "--steps", "--steps x", '--prompt "a', "--tiling maybe", "--prompt a b"]
)
def test_a_line_that_is_wrong_is_named(line: str) -> None:
    read_line = part("prompts-from-file", "scripts/prompts_from_file.py").read_line
    with pytest.raises(ValueError, match=r"\S"):
        read_line(f"{line} --steps y")


def test_each_line_is_a_job(paint: Paint) -> None:
    lines = "blue star\n\n--prompt green leaf --seed 40 --width 128\n"
    end = paint("Prompts from file or textbox", True, False, "none", lines)
    assert (end.state, end.comments) == ("done", ())
    assert texts(end) == [("blue star", "7"), ("green leaf", "40")]
    assert [image.width for image in end.images] == [64, 128]


def test_the_forms_prompt_stands_before_or_behind_a_lines(paint: Paint) -> None:
    assert texts(paint("Prompts from file or textbox", False, False, "start", "big")) == [("big red heart", "7")]
    assert texts(paint("Prompts from file or textbox", False, False, "end", "big")) == [("red heart big", "7")]


def test_a_line_that_cannot_be_painted_costs_no_other(paint: Paint) -> None:
    end = paint("Prompts from file or textbox", False, False, "none", "a star\n--prompt x --sampler_name Nobody")
    assert texts(end) == [("a star", "7")]
    assert end.state == "done"
    assert "Nobody" in " ".join(end.comments)


# Storyboard


def test_scenes_have_words_and_captions() -> None:
    board = part("storyboard", "scripts/storyboard.py")
    scenes = board.read_scenes("a boat :: Morning.\n# not this\n\n a wave ")
    assert [tuple(scene) for scene in scenes] == [("a boat", "Morning."), ("a wave", "a wave")]
    assert board.prompt_of(scenes[0], "oil painting of {scene}, blue") == "oil painting of a boat, blue"
    assert board.prompt_of(scenes[0], "oil") == "a boat, oil"
    assert board.prompt_of(scenes[0], "") == "a boat"


def test_captions_are_broken_into_lines_that_fit() -> None:
    board, font = part("storyboard", "scripts/storyboard.py"), ImageFont.load_default(20)
    lines = board.wrapped("The keeper wakes and sees averyveryverylongwordthatfitsnowhere far away", font, 150)
    assert all(font.getlength(line) <= 150 for line in lines)
    assert "".join(lines).replace(" ", "") == "Thekeeperwakesandseesaveryveryverylongwordthatfitsnowherefaraway"


def test_a_contact_sheet_keeps_the_place_of_a_picture_that_is_missing() -> None:
    board = part("storyboard", "scripts/storyboard.py")
    red = Image.new("RGB", (64, 64), "red")
    whole = board.contact_sheet([red, None, red], ["one", "two", "three"], 3)
    shorter = board.contact_sheet([red, None], ["one", "two"], 2)
    assert whole.width > shorter.width
    assert whole.getpixel((whole.width - 40, 30)) == (255, 0, 0)
    assert whole.getpixel((whole.width // 2, 30)) == (255, 255, 255)


def test_a_storyboard_is_a_sheet_and_its_scenes(paint: Paint) -> None:
    end = paint("Storyboard", "red heart :: It begins.\nblue star", "A story", 2, True, True, prompt="glossy")
    assert (end.state, end.comments) == ("done", ())
    assert texts(end)[1:] == [("red heart, glossy", "7"), ("blue star, glossy", "7")]
    assert end.images[0].width > 128


@pytest.mark.parametrize(
    ("script", "args"), [("Storyboard", ("", "", 2, True, True)), ("Prompts from file or textbox", ())]
)
def test_a_script_without_lines_says_so(paint: Paint, script: str, args: tuple[Any, ...]) -> None:
    end = paint(script, *args)
    assert end.state == "failed"
    assert "there are no" in end.error
