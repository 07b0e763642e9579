"""Gradio's own boxes in extensions' controls and tabs: pictures and files go in, come out, and reach a job."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Server, Visit, serving_with

MEDIA = "script_txt2img_media"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The finished program with the specimen among its extensions."""
    with serving_with("media", tmp_path_factory.mktemp("media")) as server:
        yield server


def test_pictures_and_files_go_through_the_boxes_of_an_extension(visit: Visit, tmp_path: Path) -> None:
    picture, words = tmp_path / "green.png", tmp_path / "words.txt"
    Image.new("RGB", (40, 24), (0, 128, 0)).save(picture)
    words.write_text("quiet words")
    visitor = visit()
    page = visitor.page

    def choose(box: Locator, file: Path) -> None:
        box.locator("input[type=file]").first.set_input_files(file)

    def shown(box: str) -> Image.Image:
        source = page.locator(f"#{box} img").first
        expect(source).to_be_visible()
        address = source.get_attribute("src")
        assert address is not None
        path = tmp_path / "shown.png"
        path.write_bytes(page.request.get(address).body())
        return Image.open(path)

    page.click("#tab_media-button")
    choose(page.locator("#media_given"), picture)
    expect(page.locator("#media_given img")).to_be_visible()
    page.click("#media_invert")
    assert shown("media_shown").convert("RGB").getpixel((0, 0)) == (255, 127, 255)
    page.click("#media_collect")
    expect(page.locator("#media_gallery .thumbnail-item img")).to_have_count(2)
    choose(page.locator("#media_text"), words)
    expect(page.locator("#media_text")).to_contain_text("words")
    page.click("#media_shout")
    expect(page.locator("#media_louder")).to_contain_text("shouted")
    with page.expect_download() as download:
        page.locator("#media_louder a[download], #media_louder a").first.click()
    assert download.value.path().read_text() == "QUIET WORDS"

    visitor.open("txt2img")
    visitor.ask_for("red heart", steps=2)
    page.click(f"#{MEDIA}_fold > button")
    canvas = page.locator(f"#{MEDIA}_sketch canvas").first
    canvas.wait_for()
    page.wait_for_timeout(2000)  # Gradio's editor takes a file and forgets it while it is being built
    for name in ("pil", "array", "path", "sketch"):
        choose(page.locator(f"#{MEDIA}_{name}"), picture)
    choose(page.locator(f"#{MEDIA}_file"), words)
    expect(page.locator(f"#{MEDIA}_path img")).to_be_visible()
    expect(page.locator(f"#{MEDIA}_file")).to_contain_text("words")
    canvas.scroll_into_view_if_needed()
    place = canvas.bounding_box()
    assert place is not None
    page.wait_for_timeout(1000)
    page.mouse.move(place["x"] + place["width"] / 2 - 20, place["y"] + place["height"] / 2)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] / 2 + 20, place["y"] + place["height"] / 2 + 5, steps=8)
    page.mouse.up()
    page.wait_for_timeout(1500)
    page.screenshot(path=Path(os.environ.get("AQUATINT_SCREENSHOTS") or tmp_path) / "boxes.png")
    visitor.pictures_of(visitor.generate)
    said = visitor.details().replace("\n", ": ")
    assert "Media PIL: RGB 40x24 (0, 128, 0)" in said
    assert "Media array: ndarray (24, 40, 3)" in said
    assert "Media path: green.png (40, 24)" in said
    assert "Media sketch: (40, 24) painted True" in said
    assert "Media file: quiet words" in said
