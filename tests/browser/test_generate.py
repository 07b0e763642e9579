"""From words to a picture, as people do it."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image, ImageStat
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Visit, Visitor

INFOTEXT = """a blue (whale:1.2), sea
Negative prompt: fish
Steps: 7, Sampler: Euler a, Schedule type: Karras, CFG scale: 4.5, Seed: 1234567890, Size: 192x64, Clip skip: 2"""


def test_a_prompt_becomes_a_picture(visitor: Visitor) -> None:
    visitor.ask_for("red heart", steps=12, seed=7)
    visitor.pictures_of(visitor.generate)
    picture = visitor.shown_picture().convert("RGB")
    red, green, blue = ImageStat.Stat(picture.crop((40, 40, 88, 88))).mean
    assert picture.size == (128, 128)
    assert red > green + 40
    assert red > blue + 40
    assert re.search(r"red heart.*Steps\s+12.*Seed\s+7\b.*Size\s+128x128", visitor.details(), re.DOTALL)


def test_the_size_is_the_checkpoints_own_to_begin_with(newcomer: Visitor) -> None:
    expect(newcomer.number("img2img", "width")).to_have_count(0)
    assert newcomer.number("txt2img", "width").input_value() == "128"
    newcomer.open("inpaint")
    assert newcomer.number("inpaint", "height").input_value() == "128"


def test_ctrl_enter_generates(visitor: Visitor) -> None:
    visitor.ask_for("blue bird")
    visitor.pictures_of(lambda: visitor.prompt().press("Control+Enter"))
    assert "blue bird" in visitor.details()


def test_ctrl_up_weighs_the_word_under_the_cursor(visitor: Visitor) -> None:
    box = visitor.prompt()
    box.fill("a red heart")
    box.evaluate("box => box.setSelectionRange(3, 3)")
    box.press("Control+ArrowUp")
    box.press("Control+ArrowUp")
    assert box.input_value() == "a (red:1.2) heart"
    box.press("Control+ArrowDown")
    box.press("Control+ArrowDown")
    box.press("Control+ArrowDown")
    assert box.input_value() == "a (red:0.9) heart"


def test_tags_are_weighed_in_finer_steps_and_parts_are_moved(visitor: Visitor) -> None:
    box = visitor.prompt()
    box.fill("a heart, <lora:ink:1>, red sky")
    box.evaluate("box => box.setSelectionRange(12, 12)")
    box.press("Control+ArrowUp")
    assert box.input_value() == "a heart, <lora:ink:1.05>, red sky"
    box.evaluate("box => box.setSelectionRange(3, 3)")
    box.press("Alt+ArrowRight")
    assert box.input_value() == "<lora:ink:1.05>, a heart, red sky"
    box.press("Alt+ArrowRight")
    assert box.input_value() == "<lora:ink:1.05>, red sky, a heart"
    box.press("Alt+ArrowRight")
    box.press("Alt+ArrowLeft")
    assert box.input_value() == "<lora:ink:1.05>, a heart, red sky"


def test_escape_ends_the_job_and_closes_what_is_open_first(visitor: Visitor) -> None:
    visitor.ask_for("a slow red heart", steps=150, batch_count=10)
    visitor.prompt().press("Control+Enter")
    visitor.until(lambda: any(job["state"] == "running" for job in visitor.jobs()))
    visitor.page.wait_for_selector("#txt2img_generate_box.aq-is-running")
    visitor.page.get_by_role("button", name="Networks").first.click()
    visitor.page.locator(".aq-drawer input").first.press("Escape")
    expect(visitor.page.locator(".aq-drawer:visible")).to_have_count(0)
    assert any(job["state"] == "running" for job in visitor.jobs())
    visitor.prompt().press("Escape")
    visitor.until_idle()
    assert visitor.jobs()[0]["state"] == "cancelled"


def test_the_tokens_of_both_prompts_are_counted(visitor: Visitor) -> None:
    visitor.prompt().fill("a red heart")
    visitor.page.locator("#txt2img_neg_prompt textarea").fill("blurry, dark")
    expect(visitor.page.locator("#txt2img_token_counter")).to_have_text("3/75")
    expect(visitor.page.locator("#txt2img_negative_token_counter")).to_have_text("3/75")


def test_what_a_job_says_stands_beside_its_picture_and_stays(visitor: Visitor) -> None:
    notes = visitor.page.locator("#txt2img_gallery .aq-comments")
    visitor.ask_for("red heart without notes")
    visitor.pictures_of(visitor.generate)
    expect(notes).to_be_hidden()
    visitor.ask_for("red heart <lora:stile:1>")
    visitor.pictures_of(visitor.generate)
    expect(notes).to_contain_text("No LoRA called 'stile'")
    visitor.page.locator("#txt2img_gallery .aq-thumb[title='red heart without notes']").first.click()
    expect(notes).to_be_hidden()
    visitor.reload()
    expect(notes).to_contain_text("No LoRA called 'stile'")


def test_what_is_odd_about_a_prompt_is_said_while_it_is_typed_and_mended_by_a_click(visitor: Visitor) -> None:
    box, page = visitor.prompt(), visitor.page
    line = page.locator("#txt2img_prompt_notes .aq-notes-line")
    form = page.locator("#txt2img_settings")
    box.fill("")
    visitor.set_number("txt2img", "steps", 9)
    place = form.bounding_box()
    expect(line).to_be_hidden()
    box.press_sequentially("😀 a (red heart, [sun:moon:9]")
    expect(line).to_contain_text("( is never closed")
    box.evaluate("box => box.setSelectionRange(10, 10)")
    expect(line.locator(".aq-notes-fix")).to_be_enabled()
    assert form.bounding_box() == place
    assert box.evaluate("box => box.selectionStart") == 10
    line.locator(".aq-notes-fix").click()
    expect(box).to_have_value(r"😀 a \(red heart, [sun:moon:9]")
    assert box.evaluate("box => [box.selectionStart, box === document.activeElement]") == [11, True]
    expect(line).to_contain_text("9 is not before the last step")
    box.press("Control+z")
    expect(box).to_have_value("😀 a (red heart, [sun:moon:9]")
    box.fill("[sun:moon:9]")
    expect(line).to_contain_text("9 is not before the last step")
    visitor.set_number("txt2img", "steps", 20)
    expect(line).to_be_hidden()


def test_all_that_is_odd_is_listed_and_mended_by_keys(visitor: Visitor) -> None:
    box, notes = visitor.prompt(), visitor.page.locator("#txt2img_prompt_notes")
    box.fill("a <lora:qqxx:1> (cat:1.0) () and")
    expect(notes.locator(".aq-notes-line")).to_contain_text("no lora called qqxx")
    box.press("Tab")
    visitor.page.keyboard.press("Enter")
    expect(notes.locator(".aq-notes-list li")).to_have_count(3)
    visitor.page.keyboard.press("Escape")
    expect(notes.locator(".aq-notes-list")).to_be_hidden()
    for better in ("a  (cat:1.0) () and", "a  cat () and", "a  cat  and"):
        expect(notes.locator(".aq-notes-line")).not_to_have_class(re.compile("aq-stale"))
        box.press("Control+.")
        expect(box).to_have_value(better)
    expect(notes.locator(".aq-notes-line")).to_be_hidden()


def test_every_click_is_a_job_and_a_batch_is_shown_whole(visitor: Visitor) -> None:
    visitor.ask_for("green tree", steps=2, batch_size=2)

    def click_three_times() -> None:
        for _ in range(3):
            visitor.generate()

    assert len(visitor.pictures_of(click_three_times)) == 6


def test_interrupt_stops_the_running_job(visitor: Visitor) -> None:
    visitor.ask_for("a very slow clock", steps=150)
    visitor.generate()
    stop = visitor.page.locator("#txt2img_interrupt")
    expect(stop).to_be_enabled(timeout=PATIENCE)
    stop.click()
    visitor.until_idle()
    assert visitor.jobs()[0]["state"] == "cancelled"
    expect(stop).to_be_disabled()


def test_skip_goes_on_with_the_next_batch(visitor: Visitor) -> None:
    visitor.ask_for("two slow clocks", steps=40, batch_count=2)
    visitor.generate()
    expect(visitor.page.locator("#txt2img_gallery .aq-progress")).to_contain_text("step", timeout=PATIENCE)
    visitor.page.locator("#txt2img_skip").click()
    visitor.until_idle()
    assert visitor.jobs()[0]["state"] == "done"


def test_a_refresh_in_the_middle_of_a_job_loses_nothing(visitor: Visitor) -> None:
    visitor.ask_for("yellow star in the middle", steps=120)
    visitor.generate()
    progress = visitor.page.locator("#txt2img_gallery .aq-progress")
    expect(progress).to_contain_text("step", timeout=PATIENCE)
    visitor.reload()
    expect(progress).to_contain_text("step", timeout=PATIENCE)
    assert visitor.prompt().input_value() == "yellow star in the middle"
    visitor.until_idle()
    expect(visitor.page.locator("#html_info_txt2img")).to_contain_text("yellow star in the middle")
    assert visitor.jobs()[0]["state"] == "done"


def test_two_browsers_at_once_each_get_their_picture(visit: Visit) -> None:
    one, other = visit(), visit()
    one.ask_for("red apple of the first")
    other.ask_for("green apple of the second")
    one.generate()
    other.generate()
    for visitor in (one, other):
        visitor.until_idle()
        visitor.open("gallery")
        expect(visitor.page.locator(".aq-tile[title^='red apple of the first']")).to_have_count(1)
        expect(visitor.page.locator(".aq-tile[title^='green apple of the second']")).to_have_count(1)


def test_parameters_pasted_into_the_prompt_fill_the_form(visitor: Visitor) -> None:
    visitor.prompt().fill(INFOTEXT)
    visitor.page.locator("#paste").click()
    _expect_the_infotext(visitor)


def test_a_picture_dropped_onto_the_prompt_fills_the_form(visitor: Visitor, tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("parameters", INFOTEXT)
    Image.new("RGB", (32, 32)).save(tmp_path / "made.png", pnginfo=info)
    visitor.drop(tmp_path / "made.png", "#txt2img_prompt textarea")
    _expect_the_infotext(visitor)


def _expect_the_infotext(visitor: Visitor) -> None:
    page = visitor.page
    expect(visitor.prompt()).to_have_value("a blue (whale:1.2), sea")
    expect(page.locator("#txt2img_neg_prompt textarea")).to_have_value("fish")
    expect(page.locator("#txt2img_sampling input")).to_have_value("Euler a")
    expect(page.locator("#txt2img_scheduler input")).to_have_value("Karras")
    expect(page.locator("#setting_CLIP_stop_at_last_layers input")).to_have_value("2")
    numbers = {"steps": "7", "cfg_scale": "4.5", "seed": "1234567890", "width": "192", "height": "64"}
    for name, value in numbers.items():
        expect(visitor.number("txt2img", name)).to_have_value(value)
    page.locator("#txt2img_random_seed").click()
    page.locator("#txt2img_res_switch_btn").click()
    expect(visitor.number("txt2img", "seed")).to_have_value("-1")
    expect(visitor.number("txt2img", "width")).to_have_value("64")


def test_the_form_is_there_after_a_reload(visitor: Visitor) -> None:
    with visitor.page.expect_response(lambda answer: "remember me" in (answer.request.post_data or "")):
        visitor.ask_for("remember me", steps=33)
    visitor.reload()
    assert visitor.prompt().input_value() == "remember me"
    assert visitor.number("txt2img", "steps").input_value() == "33"


def test_the_seed_of_the_picture_can_be_used_again(visitor: Visitor) -> None:
    visitor.ask_for("red heart", steps=2, seed=4242)
    visitor.pictures_of(visitor.generate)
    visitor.page.locator("#txt2img_random_seed").click()
    expect(visitor.number("txt2img", "seed")).to_have_value("-1")
    visitor.page.locator("#txt2img_reuse_seed").click()
    expect(visitor.number("txt2img", "seed")).to_have_value("4242")


def test_what_is_missing_is_said_in_words(visitor: Visitor) -> None:
    visitor.open_bare("img2img")
    visitor.page.locator("#img2img_generate").click()
    expect(visitor.page.get_by_text("Choose a picture first")).to_be_visible()
    visitor.complaints.clear()
