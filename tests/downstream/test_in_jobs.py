"""Real extensions whose scripts work in jobs, one recipe each: its control is turned on, and the picture is another,
or there are more, or the parameters tell; the next job is as before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import browser
from tests.downstream.test_real_extensions import Recipe, made, page

__all__ = ["browser", "page"]


def changes(script: str, *args: Any, told: str = "", pictures: int = 1, **payload: Any) -> Callable[[Page], None]:
    """An always visible script with these arguments changes the picture, or makes more of them."""

    def act(page: Page) -> None:
        plain, _ = made(page, **payload)
        changed, info = made(page, **payload, alwayson_scripts={script: {"args": list(args)}})
        assert info.get("comments") is None
        assert changed != plain
        assert len(changed) == pictures
        assert told in "\n".join(info["infotexts"])
        assert made(page, **payload)[0] == plain

    return act


def makes(script: str, *args: Any, pictures: int, **payload: Any) -> Callable[[Page], None]:
    """A script that is chosen makes so many pictures, not all of them equal."""

    def act(page: Page) -> None:
        several, info = made(page, **payload, script_name=script, script_args=list(args))
        assert info.get("comments") is None
        assert len(several) == pictures
        assert len(set(several)) > 1

    return act


def composes(page: Page) -> None:
    prompts = ("red heart AND blue :0.8", "red heart AND_PERP blue :0.8", "red heart AND_SALT blue :0.8")
    assert len({made(page, prompt=prompt)[0][0] for prompt in prompts}) == 3


def replaces_words(page: Page) -> None:
    _, info = made(page, prompt="a nude person")
    assert "nude" not in info["prompt"]


TRAVEL = ("linear", "lerp", "token", "random", "3", "fixed", 1.0, 8, None, "gif", 10, 0, "", False, False, *[0.0, 0])
PIXELS = (True, 8, True, True, 4, "Median cut", "None", True, False, 16, "Median cut", "None", True, False, False, 128)
LARGER = (True, 2.0, 0, 0, 0, "Lanczos", "", "", 0.5, "Use same sampler", 0, "Use same scheduler")
BURN = "anti burn (average smoothing of last steps images)"
RECIPES = [
    Recipe(
        "sd-webui-neutral-prompt",
        "github.com/ljleb/sd-webui-neutral-prompt",
        "64ee2be",
        "#tab_txt2img",
        composes,
    ),
    Recipe(
        "stable-diffusion-webui-anti-burn",
        "github.com/klimaleksus/stable-diffusion-webui-anti-burn",
        "6f4bf0a",
        "#tab_txt2img",
        changes(BURN, True, False, 3, 1, False, False, 0, False, told="AntiBurn: Count=3", sampler_name="DDIM"),
    ),
    Recipe(
        "SD-latent-mirroring",
        "github.com/dfaker/SD-latent-mirroring",
        "05df9e8",
        "#tab_txt2img",
        changes("latent mirroring extension", 2, 0, 0, 0, 0.75, False, told="Mirror Mode: 2"),
    ),
    Recipe(
        "sd-webui-semantic-guidance",
        "github.com/v0xie/sd-webui-semantic-guidance",
        "bdbd03c",
        "#tab_txt2img",
        changes("semantic guidance", True, "blue", "", 0, 1.0, 0.05, 0.3, 0.6, told="SEGA Active: True"),
    ),
    Recipe(
        "img2img-hires-fix",
        "github.com/Amadeus-AI/img2img-hires-fix",
        "b893052",
        "#tab_txt2img",
        changes("img2img hires fix", *LARGER, told="img2img Hires Fix"),
    ),
    Recipe(
        "sd-webui-pixelart",
        "github.com/mrreplicart/sd-webui-pixelart",
        "23c7de4",
        "#tab_txt2img",
        changes("pixel art", *PIXELS, False, None, 16, "None", pictures=2),
    ),
    Recipe(
        "sd-tweak-weights-m9",
        "github.com/MarcusNyne/sd-tweak-weights-m9",
        "b53b2bf",
        "#tab_txt2img",
        changes(
            "tweak weights [m9]", True, "blue", False, 3, 0.5, 1.9, 0.2, False, "", pictures=3, prompt="(blue:1.2)"
        ),
    ),
    Recipe(
        "weight_gradient",
        "github.com/DingoBite/weight_gradient",
        "41bf733",
        "#tab_txt2img",
        changes("weight gradient", True, False, False, told="[red :: 1]", prompt="{red : 1 - 4 : 1 - 0.2} heart"),
    ),
    Recipe(
        "test_my_prompt",
        "github.com/Extraltodeus/test_my_prompt",
        "ddf736e",
        "#tab_txt2img",
        makes("test my prompt!", "Positive", 0, ", ", "Generate", 20, "", prompt="red heart, blue, green", pictures=5),
    ),
    Recipe(
        "stable-diffusion-webui-prompt-travel",
        "github.com/Kahsolt/stable-diffusion-webui-prompt-travel",
        "9c532f3",
        "#tab_txt2img",
        makes("prompt travel", *TRAVEL, 0.0001, 75, 0, prompt="red heart\nblue heart", pictures=4),
        modules=("torchmetrics",),
    ),
    Recipe(
        "DiffusionDefender",
        "github.com/WildBanjos/DiffusionDefender",
        "aedd7d9",
        "#tab_txt2img",
        replaces_words,
    ),
]


@pytest.mark.browser
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_what_a_real_extension_does_in_a_job_is_seen(recipe: Recipe, page: Page) -> None:
    page.wait_for_selector(recipe.must_be_there, state="attached")
    recipe.act(page)
