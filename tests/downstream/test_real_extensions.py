"""Real extensions on the whole page, one recipe each; AQUATINT_DOWNSTREAM names the folder that holds their sources."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from modules.studio.extension_packages import overlay_of, sites
from tests.browser.conftest import PATIENCE, Visitor, browser, serving

__all__ = ["browser"]

FOLDER = os.environ.get("AQUATINT_DOWNSTREAM", "")
PACKAGES = os.environ.get("AQUATINT_DOWNSTREAM_PACKAGES", "")
"""A data folder in which their packages were installed from the Extensions tab."""
COLOURS = ("red", "blue", "green", "yellow")
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
    modules: tuple[str, ...] = ()
    """What it imports from packages that Aquatint does not have."""
    files: tuple[tuple[str, str], ...] = ()
    """What its user puts into its folder: names and texts."""


def type_a_tag(page: Page) -> None:
    box = page.locator(TAG_BOX)
    box.wait_for()
    box.fill("")
    box.press_sequentially("blue_e", delay=80)
    page.locator(".autocompleteParent li").first.wait_for()
    box.press("ArrowDown")
    box.press("Enter")
    page.wait_for_function(f"document.querySelector('{TAG_BOX}').value.startsWith('blue eyes')")


def made(page: Page, **payload: Any) -> tuple[list[bytes], dict[str, Any]]:
    """The pixels of pictures made over the API, and what is said of them."""
    quick = {"prompt": "cat", "steps": 4, "width": 128, "height": 128, "seed": 1}
    answer = page.request.post(f"{page.url}sdapi/v1/txt2img", data={**quick, **payload}, timeout=PATIENCE).json()
    pictures = [Image.open(BytesIO(base64.b64decode(each))).convert("RGB") for each in answer["images"]]
    return [picture.tobytes() for picture in pictures], json.loads(answer["info"])


def draw_prompts(page: Page) -> None:
    args = {"dynamic prompts v2.17.1": {"args": [True, True]}}
    _, info = made(page, prompt="a {red|blue|green} cat", alwayson_scripts=args)
    assert sorted(info["all_prompts"]) == ["a blue cat", "a green cat", "a red cat"]


def have_detail_daemon_change_a_picture(page: Page) -> None:
    plain, _ = made(page)
    asked = [True, True, False, "both", 0.2, 0.8, 0.5, 0.5, 1, 0, 0, 0, True]
    changed, info = made(page, alwayson_scripts={"Detail Daemon": {"args": asked}})
    assert "Detail Daemon" in info["infotexts"][0]
    assert changed != plain
    assert made(page)[0] == plain


def travel_between_seeds(page: Page) -> None:
    """From seed 1 to seed 9 in four steps: the first picture and the last are those of the seeds themselves."""
    rows = page.request.get(f"{page.url}sdapi/v1/script-info").json()
    (row,) = (row for row in rows if row["name"] == "seed travel" and not row["is_img2img"])
    asked = {"Destination seeds": "9", "Steps": 4}
    args = [asked.get(each["label"], each["value"]) for each in row["args"]]
    pictures, _ = made(page, sampler_name="Euler", script_name="seed travel", script_args=args)
    assert len(set(pictures)) == len(pictures) == 5
    assert pictures[0] == made(page, sampler_name="Euler")[0][0]
    assert pictures[-1] == made(page, sampler_name="Euler", seed=9)[0][0]


def is_in(module: str, overlay: Path) -> bool:
    return any((site / module).exists() or (site / f"{module}.py").exists() for site in sites(overlay))


def look(page: Page) -> None:
    """It is enough that it is there."""


def draw_wildcards(page: Page) -> None:
    """It brings no script of the page, so that nothing has opened the settings yet."""
    page.click("#tab_settings-button")
    page.wait_for_selector("#setting_wildcards_same_seed", state="attached")
    _, info = made(page, prompt="a __colour__ cat", batch_size=4)
    assert info["all_prompts"] == [f"a {random.Random(seed).choice(COLOURS)} cat" for seed in range(1, 5)]
    assert len(set(info["all_prompts"])) > 1
    assert "Wildcard prompt: a __colour__ cat" in info["infotexts"][0]


def browse_outputs(page: Page) -> None:
    """It lists the folder in which the picture lies, and its picture of it comes."""
    visitor = Visitor(page, page.url.rstrip("/"))
    visitor.ask_for("red heart", steps=3, seed=5)
    visitor.pictures_of(visitor.generate)
    page.get_by_role("tab", name="Infinite image browsing").click()
    inside = page.frame_locator("#infinite_image_browsing_container_wrapper iframe")
    inside.get_by_text("txt2img").first.click()
    picture = inside.locator("img[src*='image-thumbnail']").first
    picture.wait_for()
    assert "-5.png" in str(picture.get_attribute("src"))
    visitor.until(lambda: picture.evaluate("image => image.naturalWidth") == 128)


RECIPES = [
    Recipe(
        "a1111-sd-webui-tagcomplete",
        "github.com/DominikDoom/a1111-sd-webui-tagcomplete",
        "4170882",
        TAG_BOX,
        type_a_tag,
    ),
    Recipe("sd-webui-prompt-format", "github.com/Haoming02/sd-webui-prompt-format", "c4e856c", "#pf_checkbox", look),
    Recipe(
        "stable-diffusion-webui-wildcards",
        "github.com/AUTOMATIC1111/stable-diffusion-webui-wildcards",
        "d3964a7",
        "#tab_settings-button",
        draw_wildcards,
        files=(("wildcards/colour.txt", "\n".join(COLOURS)),),
    ),
    Recipe(
        "sd-webui-infinite-image-browsing",
        "github.com/zanllp/sd-webui-infinite-image-browsing",
        "c18964b",
        "#infinite_image_browsing_container_wrapper",
        browse_outputs,
        modules=("piexif", "dotenv", "imageio", "av", "lxml", "filetype"),
    ),
    Recipe(
        "adetailer",
        "github.com/Bing-su/adetailer",
        "36189cb",
        "#script_txt2img_adetailer_ad_main_accordion",
        look,
        modules=("ultralytics", "mediapipe", "cv2"),
    ),
    Recipe(
        "sd-dynamic-prompts",
        "github.com/adieyal/sd-dynamic-prompts",
        "e8326b5",
        "#tab_txt2img",
        draw_prompts,
        modules=("dynamicprompts", "send2trash"),
    ),
    Recipe(
        "seed_travel",
        "github.com/yownas/seed_travel",
        "055213d",
        "#tab_txt2img",
        travel_between_seeds,
        modules=("imageio", "torchmetrics", "matplotlib"),
    ),
    Recipe(
        "sd-webui-detail-daemon",
        "github.com/muerrilla/sd-webui-detail-daemon",
        "1947999",
        "#tab_txt2img",
        have_detail_daemon_change_a_picture,
        modules=("matplotlib",),
    ),
]


@pytest.fixture
def page(recipe: Recipe, browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The page of a server with that extension alone, all of it in the document."""
    source = Path(FOLDER) / recipe.name
    if not FOLDER or not source.is_dir():
        pytest.skip(f"{recipe.name} is not there: AQUATINT_DOWNSTREAM is to name a folder with {recipe.source}")
    overlay = overlay_of(tmp_path / "data/aquatint", recipe.name)
    brought = overlay_of(Path(PACKAGES or tmp_path) / "aquatint", recipe.name)
    absent = [name for name in recipe.modules if not (is_in(name, brought) or importlib.util.find_spec(name))]
    if absent:
        pytest.skip(f"{recipe.name} wants {', '.join(absent)}: AQUATINT_DOWNSTREAM_PACKAGES is to name a data folder")
    if brought.is_dir():
        overlay.parent.mkdir(parents=True)
        overlay.symlink_to(brought.resolve())
    folder = tmp_path / "data/extensions" / recipe.name
    shutil.copytree(source, folder)
    for name, text in recipe.files:
        (folder / name).write_text(text, "utf-8")
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
