"""Pictures with words: img2img, inpaint with its mask, PNG Info."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import pytest
from PIL import Image, ImageChops, ImageDraw
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit, Visitor

SIDE = 128


@pytest.fixture
def drawing(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A yellow disc on blue; the same bytes would have the same id as in another test."""
    image = Image.new("RGB", (SIDE, SIDE), (40, 80, 200))
    image.putpixel((0, 0), tuple(crc32(request.node.name.encode()).to_bytes(4, "big")[:3]))
    ImageDraw.Draw(image).ellipse((24, 24, 104, 104), fill=(240, 210, 60))
    image.save(tmp_path / "drawing.png")
    return tmp_path / "drawing.png"


def choose(visitor: Visitor, tab: str, file: Path) -> Locator:
    """Puts a file into the picture widget of a tab; gives the frame that shows it."""
    visitor.open(tab)
    shown = visitor.page.locator(f"#{tab}_image .aq-frame img")
    before = shown.get_attribute("src") or ""
    visitor.page.locator(f"#{tab}_image input[type=file]").set_input_files(file)
    expect(shown).not_to_have_attribute("src", before)
    expect(shown).to_be_visible()
    return visitor.page.locator(f"#{tab}_image .aq-frame")


def stroke(visitor: Visitor, frame: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Paints a line between two places, given as shares of the frame."""
    box = frame.bounding_box()
    assert box is not None
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    visitor.page.mouse.move(*points[0])
    visitor.page.mouse.down()
    visitor.page.mouse.move(*points[1], steps=6)
    visitor.page.mouse.up()


def covered(visitor: Visitor) -> float:
    """The share of the mask's layer that is painted."""
    share: float = visitor.page.locator("#inpaint_image canvas.aq-mask").evaluate(
        """layer => {
            const pixels = layer.getContext('2d').getImageData(0, 0, layer.width, layer.height).data;
            return pixels.filter((value, i) => i % 4 === 3 && value > 127).length / (layer.width * layer.height);
        }"""
    )
    return share


def test_img2img_starts_from_the_picture_that_was_chosen(visitor: Visitor, drawing: Path) -> None:
    choose(visitor, "img2img", drawing)
    visitor.ask_for("yellow ball", "img2img", denoising_strength=0.05)
    [image] = visitor.pictures_of(lambda: visitor.generate("img2img"), "img2img")
    shown = visitor.shown_picture("img2img").convert("RGB")
    assert shown.size == (SIDE, SIDE)
    assert shown.getpixel((64, 64))[0] > shown.getpixel((64, 64))[2] + 40  # type: ignore[index]
    assert "Denoising strength: 0.05" in image["infotext"]


def test_a_result_is_sent_to_img2img_and_comes_with_its_words(visitor: Visitor) -> None:
    visitor.ask_for("red heart to send", seed=5)
    visitor.pictures_of(visitor.generate)
    visitor.page.locator("#txt2img_gallery").get_by_role("button", name="To img2img").click()
    expect(visitor.page.locator("#img2img_image .aq-frame")).to_be_visible()
    expect(visitor.prompt("img2img")).to_have_value("red heart to send")
    expect(visitor.number("img2img", "seed")).to_have_value("5")
    expect(visitor.page.locator("#img2img_image")).to_contain_text("128 × 128")


def test_a_painted_mask_changes_what_it_covers_and_nothing_else(visitor: Visitor, drawing: Path) -> None:
    frame = choose(visitor, "inpaint", drawing)
    stroke(visitor, frame, (0.5, 0.3), (0.5, 0.5))
    visitor.ask_for("red heart", "inpaint", steps=8, denoising_strength=1)
    visitor.pictures_of(lambda: visitor.generate("inpaint"), "inpaint")
    with Image.open(drawing) as before:
        changed = ImageChops.difference(before.convert("RGB"), visitor.shown_picture("inpaint").convert("RGB"))
    assert changed.crop((0, 0, 32, SIDE)).getbbox() is None
    assert changed.crop((96, 0, SIDE, SIDE)).getbbox() is None
    assert changed.crop((52, 40, 76, 64)).getbbox() is not None


def test_strokes_are_erased_undone_redone_and_cleared(newcomer: Visitor, drawing: Path) -> None:
    page = newcomer.page
    frame = choose(newcomer, "inpaint", drawing)
    tools = page.locator("#inpaint_image .aq-canvas-tools")
    assert covered(newcomer) == 0
    stroke(newcomer, frame, (0.4, 0.4), (0.6, 0.4))
    once = covered(newcomer)
    stroke(newcomer, frame, (0.4, 0.7), (0.6, 0.7))
    twice = covered(newcomer)
    assert twice > once > 0
    tools.get_by_role("button", name="Undo (Ctrl+Z)").click()
    assert covered(newcomer) == once
    frame.press("Control+Shift+z")
    assert covered(newcomer) == twice
    tools.get_by_role("button", name="Eraser (E)").click()
    stroke(newcomer, frame, (0.35, 0.7), (0.65, 0.7))
    assert covered(newcomer) == pytest.approx(once, rel=0.05)
    tools.get_by_role("button", name="Clear the mask").click()
    assert covered(newcomer) == 0


def test_the_brush_grows_with_its_keys_and_the_wheel_zooms_where_it_is(visitor: Visitor, drawing: Path) -> None:
    page = visitor.page
    frame = choose(visitor, "inpaint", drawing)
    size = page.locator("#inpaint_image .aq-brush-size")
    frame.click(position={"x": 5, "y": 5})
    before = float(size.input_value())
    frame.press("]")
    assert float(size.input_value()) > before
    frame.press("[")
    assert float(size.input_value()) == pytest.approx(before)
    frame.hover()
    page.mouse.wheel(0, -300)
    board = page.locator("#inpaint_image .aq-board")
    assert "scale(1)" not in (board.get_attribute("style") or "")
    frame.press("0")
    assert "scale(1)" in (board.get_attribute("style") or "")


def test_the_picture_and_its_mask_are_there_after_a_reload(visitor: Visitor, drawing: Path) -> None:
    frame = choose(visitor, "inpaint", drawing)
    visitor.prompt("inpaint").fill("kept mask")
    with visitor.page.expect_response(lambda answer: '"mask":"' in (answer.request.post_data or "")):
        stroke(visitor, frame, (0.4, 0.5), (0.6, 0.5))
    painted = covered(visitor)
    visitor.reload()
    visitor.open("inpaint")
    expect(frame).to_be_visible()
    visitor.until(lambda: covered(visitor) > 0)
    assert covered(visitor) == pytest.approx(painted, rel=0.1)


def test_fingers_paint_and_pinch(visit: Visit, drawing: Path) -> None:
    visitor = visit(390, 844, has_touch=True, is_mobile=True)
    frame = choose(visitor, "inpaint", drawing)
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    assert box is not None
    touch = visitor.page.context.new_cdp_session(visitor.page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def fingers(kind: str, *points: tuple[float, float]) -> None:
        named = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": named})

    fingers("touchStart", (x - 30, y))
    fingers("touchMove", (x + 30, y))
    fingers("touchEnd")
    painted = covered(visitor)
    assert painted > 0
    fingers("touchStart", (x - 20, y))
    fingers("touchStart", (x - 20, y), (x + 20, y))
    fingers("touchMove", (x - 60, y), (x + 60, y))
    fingers("touchEnd")
    assert covered(visitor) == pytest.approx(painted, rel=0.01)
    assert "scale(1)" not in (visitor.page.locator("#inpaint_image .aq-board").get_attribute("style") or "")


def test_png_info_shows_what_is_in_the_file_and_sends_it_on(visitor: Visitor, tmp_path: Path) -> None:
    visitor.ask_for("green apple for info", seed=77)
    [image] = visitor.pictures_of(visitor.generate)
    (tmp_path / "made.png").write_bytes(
        visitor.page.request.get(f"{visitor.address}/aquatint/images/{image['id']}").body()
    )
    visitor.open("pnginfo")
    visitor.drop(tmp_path / "made.png", "#pnginfo_image")
    expect(visitor.page.locator("#pnginfo_details")).to_contain_text("green apple for info")
    expect(visitor.page.locator("#pnginfo_details")).to_contain_text("77")
    visitor.page.locator("#pnginfo").get_by_role("button", name="To inpaint").click()
    expect(visitor.prompt("inpaint")).to_have_value("green apple for info")
    expect(visitor.page.locator("#inpaint_image .aq-frame")).to_be_visible()
