"""Real extensions on the whole page, one recipe each; AQUATINT_DOWNSTREAM names the folder that holds their sources."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PATIENCE, browser, serving

__all__ = ["browser"]

FOLDER = os.environ.get("AQUATINT_DOWNSTREAM", "")
TAG_BOX = "#txt2img_prompt textarea.autocomplete"


class Recipe(NamedTuple):
    """What to do with one extension, and what must come of it."""

    name: str
    """Its folder, as its authors call it."""
    source: str
    commit: str
    """With which it was tried last."""
    must_be_there: str
    """A selector of something that it brings."""
    act: Callable[[Page], None]


def type_a_tag(page: Page) -> None:
    box = page.locator(TAG_BOX)
    box.wait_for()
    box.fill("")
    box.press_sequentially("blue_e", delay=80)
    page.locator(".autocompleteParent li").first.wait_for()
    box.press("ArrowDown")
    box.press("Enter")
    page.wait_for_function(f"document.querySelector('{TAG_BOX}').value.startsWith('blue eyes')")


def look(page: Page) -> None:
    """It is enough that it is there."""


def open_settings(page: Page) -> None:
    """It brings no script, so that nothing has opened the tab yet."""
    page.click("#tab_settings-button")
    page.wait_for_selector("#setting_wildcards_same_seed", state="attached")


RECIPES = [
    Recipe(
        "a1111-sd-webui-tagcomplete",
        "github.com/DominikDoom/a1111-sd-webui-tagcomplete",
        "4170882",
        TAG_BOX,
        type_a_tag,
    ),
    Recipe("sd-webui-ar", "github.com/alemelis/sd-webui-ar", "3973c86", "#txt2img_container_aspect_ratio", look),
    Recipe(
        "sd-webui-aspect-ratio-helper",
        "github.com/thomasasfk/sd-webui-aspect-ratio-helper",
        "0909671",
        "#txt2img_size_toolbox",
        look,
    ),
    Recipe("sd-webui-prompt-format", "github.com/Haoming02/sd-webui-prompt-format", "c4e856c", "#pf_checkbox", look),
    Recipe(
        "stable-diffusion-webui-wildcards",
        "github.com/AUTOMATIC1111/stable-diffusion-webui-wildcards",
        "d3964a7",
        "#tab_settings-button",
        open_settings,
    ),
    Recipe(
        "sd-webui-infinite-image-browsing",
        "github.com/zanllp/sd-webui-infinite-image-browsing",
        "c18964b",
        "#infinite_image_browsing_container_wrapper",
        look,
    ),
    Recipe(
        "adetailer",
        "github.com/Bing-su/adetailer",
        "36189cb",
        "#script_txt2img_adetailer_ad_main_accordion",
        look,
    ),
]


@pytest.fixture
def page(recipe: Recipe, browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The page of a server with that extension alone, all of it in the document."""
    source = Path(FOLDER) / recipe.name
    if not FOLDER or not source.is_dir():
        pytest.skip(f"{recipe.name} is not there: AQUATINT_DOWNSTREAM is to name a folder with {recipe.source}")
    shutil.copytree(source, tmp_path / "data/extensions" / recipe.name)
    with serving(tmp_path / "data") as server:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(server.address)
        page.wait_for_selector("body[data-aquatint=ready]")
        yield page
        page.context.close()


@pytest.mark.browser
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_real_extension_works(recipe: Recipe, page: Page) -> None:
    page.wait_for_selector(recipe.must_be_there, state="attached")
    recipe.act(page)
