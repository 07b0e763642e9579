"""Drawing with colours, on a picture or a blank sheet; masks from files; many pictures at once."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PATIENCE, Visit, Visitor
from tests.browser.test_pictures import SIDE, choose, covered, drawing, stroke

__all__ = ["drawing"]


def tool(visitor: Visitor, tab: str, name: str) -> Locator:
    return visitor.page.locator(f"#{tab}_image .aq-canvas-tools").get_by_role("button", name=name, exact=True)


def sent(visitor: Visitor, tab: str) -> dict[str, Any]:
    """The picture that a request would start from now, as the page would send it."""
    value: dict[str, Any] = visitor.page.evaluate("tab => window.aquatint.newest(tab, 0, [null])", tab)
    return value[0]  # type: ignore[no-any-return, index]


def upload(visitor: Visitor, id: str) -> Image.Image:
    return Image.open(BytesIO(visitor.page.request.get(f"{visitor.address}/aquatint/uploads/{id}").body()))


def test_a_blank_sheet_and_a_red_blob_become_a_picture_in_three_actions(newcomer: Visitor) -> None:
    newcomer.open_bare("img2img")
    newcomer.ask_for("red apple", "img2img", denoising_strength=0.6, seed=3)
    newcomer.page.get_by_role("button", name="Begin a sketch").click()
    frame = newcomer.page.locator("#img2img_image .aq-frame")
    expect(frame).to_be_visible()
    stroke(newcomer, frame, (0.45, 0.5), (0.55, 0.5))
    newcomer.pictures_of(lambda: newcomer.generate("img2img"), "img2img")
    value = sent(newcomer, "img2img")
    drawn = upload(newcomer, value["id"]).convert("RGB")
    assert drawn.size == (SIDE, SIDE)
    assert drawn.getpixel((2, 2)) == (255, 255, 255)
    assert drawn.getpixel((64, 64)) == (0xD6, 0x2F, 0x2F)
    made = newcomer.shown_picture("img2img").convert("RGB")
    assert made.size == (SIDE, SIDE)
    red, green, blue = made.resize((1, 1), box=(56, 56, 72, 72)).getpixel((0, 0))  # type: ignore[misc]
    assert red > (green + blue) / 2


def test_drawing_nothing_sends_the_picture_as_it_is_and_undoing_brings_that_back(
    newcomer: Visitor, drawing: Path
) -> None:
    frame = choose(newcomer, "img2img", drawing)
    before = sent(newcomer, "img2img")
    with Image.open(drawing) as chosen:
        assert upload(newcomer, before["id"]).convert("RGB").tobytes() == chosen.convert("RGB").tobytes()
    tool(newcomer, "img2img", "Draw").click()
    assert sent(newcomer, "img2img")["id"] == before["id"]
    stroke(newcomer, frame, (0.5, 0.5), (0.52, 0.5))
    drawn = sent(newcomer, "img2img")
    assert drawn["id"] != before["id"]
    assert drawn["under"] == before["id"]
    with Image.open(drawing) as chosen:
        changed = ImageChops.difference(upload(newcomer, drawn["id"]).convert("RGB"), chosen.convert("RGB")).getbbox()
    assert changed is not None
    assert changed[2] - changed[0] < 24
    tool(newcomer, "img2img", "Undo (Ctrl+Z)").click()
    assert sent(newcomer, "img2img")["id"] == before["id"]


def test_a_picture_is_not_drawn_on_before_one_says_so(newcomer: Visitor, drawing: Path) -> None:
    frame = choose(newcomer, "img2img", drawing)
    before = sent(newcomer, "img2img")
    stroke(newcomer, frame, (0.4, 0.5), (0.6, 0.5))
    assert sent(newcomer, "img2img") == before
    frame.press("d")
    stroke(newcomer, frame, (0.4, 0.5), (0.6, 0.5))
    assert sent(newcomer, "img2img") != before


def test_colours_are_chosen_picked_from_the_picture_and_erased(newcomer: Visitor, drawing: Path) -> None:
    frame = choose(newcomer, "img2img", drawing)
    tool(newcomer, "img2img", "Draw").click()
    own = newcomer.page.locator("#img2img_image .aq-palette input")
    tool(newcomer, "img2img", "Green").click()
    expect(own).to_have_value("#3f9a3b")
    stroke(newcomer, frame, (0.5, 0.5), (0.51, 0.5))
    green = upload(newcomer, sent(newcomer, "img2img")["id"]).convert("RGB")
    assert green.getpixel((64, 64)) == (0x3F, 0x9A, 0x3B)
    newcomer.page.keyboard.down("Alt")
    frame.click(position={"x": (frame.bounding_box() or {"width": 0})["width"] / 2, "y": 8})
    newcomer.page.keyboard.up("Alt")
    expect(own).to_have_value("#2850c8")
    tool(newcomer, "img2img", "Eraser (E)").click()
    stroke(newcomer, frame, (0.45, 0.5), (0.55, 0.5))
    erased = upload(newcomer, sent(newcomer, "img2img")["id"]).convert("RGB")
    assert erased.getpixel((64, 64)) == (240, 210, 60)


def test_a_sketch_is_there_after_a_reload(newcomer: Visitor, drawing: Path) -> None:
    frame = choose(newcomer, "img2img", drawing)
    newcomer.prompt("img2img").fill("kept sketch")
    tool(newcomer, "img2img", "Draw").click()
    with newcomer.page.expect_response(lambda answer: '"colours":"' in (answer.request.post_data or "")):
        stroke(newcomer, frame, (0.4, 0.5), (0.6, 0.5))
    before = sent(newcomer, "img2img")
    newcomer.reload()
    newcomer.open("img2img")
    expect(frame).to_be_visible()
    assert sent(newcomer, "img2img") == before
    newcomer.page.wait_for_timeout(500)
    tool(newcomer, "img2img", "Draw").click()
    stroke(newcomer, frame, (0.5, 0.8), (0.51, 0.8))
    both = upload(newcomer, sent(newcomer, "img2img")["id"]).convert("RGB")
    assert both.getpixel((64, 64)) == (0xD6, 0x2F, 0x2F)
    assert both.getpixel((65, 102)) == (0xD6, 0x2F, 0x2F)


def test_colour_on_inpaint_changes_the_picture_and_is_masked(newcomer: Visitor, drawing: Path) -> None:
    frame = choose(newcomer, "inpaint", drawing)
    stroke(newcomer, frame, (0.5, 0.3), (0.5, 0.32))
    tool(newcomer, "inpaint", "Colour").click()
    tool(newcomer, "inpaint", "Purple").click()
    stroke(newcomer, frame, (0.5, 0.7), (0.5, 0.71))
    value = sent(newcomer, "inpaint")
    picture, mask = upload(newcomer, value["id"]).convert("RGB"), upload(newcomer, value["mask"]).convert("L")
    assert picture.getpixel((64, 90)) == (0x81, 0x46, 0xA8)
    assert picture.getpixel((64, 40)) == (240, 210, 60)
    assert [mask.getpixel(place) for place in ((64, 90), (64, 40), (64, 64))] == [255, 255, 0]
    assert upload(newcomer, value["painted"]).convert("L").getpixel((64, 90)) == 0
    newcomer.ask_for("purple", "inpaint", denoising_strength=0.5)
    newcomer.pictures_of(lambda: newcomer.generate("inpaint"), "inpaint")
    with Image.open(drawing) as before:
        changed = ImageChops.difference(before.convert("RGB"), newcomer.shown_picture("inpaint").convert("RGB"))
    assert changed.crop((0, 0, 32, SIDE)).getbbox() is None
    assert changed.crop((58, 84, 70, 96)).getbbox() is not None


@pytest.mark.parametrize("alpha", [False, True], ids=["luminance", "alpha"])
def test_a_mask_of_any_size_comes_from_a_file_and_goes_to_one(
    visitor: Visitor, drawing: Path, tmp_path: Path, alpha: bool
) -> None:
    left = Image.new("L", (40, 40))
    left.paste(255, (0, 0, 20, 40))
    whole = Image.new("RGB", left.size, "white")
    whole.putalpha(left)
    {False: left, True: whole}[alpha].save(tmp_path / "mask.png")
    choose(visitor, "inpaint", drawing)
    with visitor.page.expect_file_chooser() as asked:
        tool(visitor, "inpaint", "Load a mask from a file").click()
    asked.value.set_files(tmp_path / "mask.png")
    visitor.until(lambda: covered(visitor) > 0)
    assert covered(visitor) == pytest.approx(0.5, abs=0.02)
    mask = upload(visitor, sent(visitor, "inpaint")["mask"]).convert("L")
    assert [mask.getpixel(place) for place in ((10, 64), (118, 64))] == [255, 0]
    with visitor.page.expect_download() as saved:
        tool(visitor, "inpaint", "Save the mask as a file").click()
    with Image.open(saved.value.path()) as file:
        assert file.convert("L").tobytes() == mask.tobytes()
    tool(visitor, "inpaint", "Undo (Ctrl+Z)").click()
    assert covered(visitor) == 0


def test_a_second_picture_dropped_on_inpaint_is_a_mask_or_another_picture(
    visitor: Visitor, drawing: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (60, 60), "white").save(tmp_path / "all.png")
    choose(visitor, "inpaint", drawing)
    note = visitor.page.locator("#inpaint_image .aq-size-note")
    visitor.drop(tmp_path / "all.png", "#inpaint_image .aq-frame")
    visitor.page.get_by_role("button", name="The mask", exact=True).click()
    visitor.until(lambda: covered(visitor) == 1)
    expect(note).to_have_text("128 × 128")
    visitor.drop(tmp_path / "all.png", "#inpaint_image .aq-frame")
    visitor.page.get_by_role("button", name="Another picture").click()
    expect(note).to_have_text("60 × 60")
    assert covered(visitor) == 0


def test_nothing_below_the_picture_moves_when_drawing_begins(visitor: Visitor, drawing: Path) -> None:
    visitor.open_bare("img2img")
    below = visitor.page.locator("#img2img_steps")
    empty = below.bounding_box()
    choose(visitor, "img2img", drawing)
    assert below.bounding_box() == empty
    tool(visitor, "img2img", "Draw").click()
    assert below.bounding_box() == empty


def test_fingers_draw_once_drawing_has_begun(visit: Visit) -> None:
    visitor = visit(390, 844, has_touch=True, is_mobile=True)
    visitor.open_bare("img2img")
    visitor.page.get_by_role("button", name="Begin a sketch").tap()
    frame = visitor.page.locator("#img2img_image .aq-frame")
    expect(frame).to_be_visible()
    frame.scroll_into_view_if_needed()
    before = sent(visitor, "img2img")
    box = frame.bounding_box()
    assert box is not None
    touch = visitor.page.context.new_cdp_session(visitor.page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind, points in (("touchStart", [(x - 30, y)]), ("touchMove", [(x + 30, y)]), ("touchEnd", [])):
        named = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": named})
    assert sent(visitor, "img2img")["under"] == before["id"]


def batch(visitor: Visitor, tab: str, files: list[Path]) -> Locator:
    """Opens the box for many pictures and chooses some."""
    box = visitor.page.locator(f"#{tab}_batch_box")
    box.get_by_role("button", name="Many pictures").click()
    box.locator(".aq-batch-file:not(.aq-batch-folder)").first.set_input_files(files)
    return box


def test_many_pictures_become_one_job_each_with_the_form(visitor: Visitor, tmp_path: Path) -> None:
    colours = {"a.png": (200, 40, 40), "b.png": (40, 200, 40), "c.png": (40, 40, 200)}
    for name, colour in colours.items():
        Image.new("RGB", (SIDE, SIDE), colour).save(tmp_path / name)
    visitor.open("img2img")
    visitor.ask_for("plain", "img2img", denoising_strength=0.05, seed=4)
    box = batch(visitor, "img2img", [tmp_path / name for name in colours])
    expect(box.locator(".aq-batch-note")).to_have_text("3 pictures")
    before = {job["id"] for job in visitor.jobs()}
    box.get_by_role("button", name="Generate all").click()
    expect(box.locator(".aq-batch-progress")).to_have_text("3 of 3 done", timeout=PATIENCE)
    visitor.until_idle()
    made = [image for job in visitor.jobs() if job["id"] not in before for image in job["images"]]
    found = []
    for image in reversed(made):
        answer = visitor.page.request.get(f"{visitor.address}/aquatint/images/{image['id']}")
        red, green, blue = Image.open(BytesIO(answer.body())).convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
        found.append(max(zip((red, green, blue), "rgb", strict=True))[1])
    assert found == ["r", "g", "b"]


def test_masks_for_many_pictures_go_by_equal_names(visitor: Visitor, tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        Image.new("RGB", (SIDE, SIDE), (90, 90, 90)).save(tmp_path / name)
    mask = Image.new("L", (SIDE, SIDE))
    mask.paste(255, (0, 0, 64, SIDE))
    (tmp_path / "masks").mkdir()
    mask.save(tmp_path / "masks/one.png")
    visitor.open_bare("inpaint")
    visitor.ask_for("red heart", "inpaint", denoising_strength=1)
    before = visitor.jobs()
    box = batch(visitor, "inpaint", [tmp_path / "one.png", tmp_path / "two.png"])
    box.locator(".aq-batch-file").nth(2).set_input_files(tmp_path / "masks/one.png")
    expect(box.locator(".aq-batch-note")).to_have_text(
        "2 pictures, 1 with a mask of the same name; the other 1 use the painted mask"
    )
    box.get_by_role("button", name="Generate all").click()
    expect(visitor.page.locator(".aq-toast")).to_contain_text("two.png: there is no mask of this name")
    assert visitor.jobs() == before
    box.locator(".aq-batch-file").first.set_input_files([tmp_path / "one.png"])
    visitor.pictures_of(box.get_by_role("button", name="Generate all").click, "inpaint")
    made = visitor.shown_picture("inpaint").convert("RGB")
    assert made.crop((96, 0, SIDE, SIDE)).getcolors() == [(32 * SIDE, (90, 90, 90))]
    assert made.crop((8, 32, 48, 96)).getcolors() != [(40 * 64, (90, 90, 90))]


def test_the_transparency_of_colours_is_there_after_a_reload_before_anything_is_coloured(
    visitor: Visitor, tmp_path: Path
) -> None:
    Image.new("RGB", (SIDE, SIDE), (90, 90, 90)).save(tmp_path / "one.png")
    visitor.open_bare("inpaint")
    visitor.page.locator("#inpaint_image input[type=file]").first.set_input_files(tmp_path / "one.png")
    visitor.page.locator("#inpaint_image").get_by_role("button", name="Colour", exact=True).click()
    slider = visitor.page.locator("#inpaint_image .aq-colour-clear")
    slider.evaluate("range => { range.value = 40; range.dispatchEvent(new Event('input')); }")
    visitor.page.wait_for_timeout(2500)
    visitor.reload()
    visitor.open("inpaint")
    expect(visitor.page.locator("#inpaint_image .aq-has-picture, #inpaint_image.aq-has-picture")).to_have_count(1)
    assert round(float(slider.input_value())) == 40


def test_a_folder_of_the_machine_is_worked_through(visitor: Visitor, tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        Image.new("RGB", (SIDE, SIDE), (90, 90, 90)).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    visitor.open("img2img")
    visitor.ask_for("plain", "img2img", denoising_strength=0.05, seed=4)
    box = visitor.page.locator("#img2img_folder")
    visitor.unfold(box.get_by_role("button", name="All pictures of a folder"))
    for name, folder in (("input_dir", tmp_path), ("output_dir", tmp_path / "painted")):
        visitor.page.locator(f"#img2img_batch_{name}").get_by_role("textbox").fill(str(folder))
    images = visitor.pictures_of(box.get_by_role("button", name="Generate for the folder").click, "img2img")
    assert len(images) == 2
    assert sorted(path.name for path in (tmp_path / "painted").iterdir()) == ["one.png", "two.png"]
    expect(visitor.page.locator("#img2img_gallery .aq-comments")).to_contain_text("broken.png")
