"""The gallery, the queue and the settings."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Visitor


def test_the_gallery_finds_pictures_by_their_words(visitor: Visitor) -> None:
    for prompt in ("purple umbrella", "orange carrot"):
        visitor.ask_for(prompt, steps=2)
        visitor.pictures_of(visitor.generate)
    visitor.open("gallery")
    tiles = visitor.page.locator(".aq-tile")
    expect(tiles.first).to_be_visible()
    search = visitor.page.locator("#aquatint_gallery_words")
    search.fill("umbrella purple")
    expect(tiles).to_have_count(1)
    expect(tiles.first).to_have_attribute("title", "purple umbrella")
    search.fill("nothing like this")
    expect(visitor.page.locator(".aq-gallery")).to_contain_text("Nothing found.")
    visitor.page.get_by_role("button", name="Clear the search").click()
    visitor.page.locator(".aq-gallery select").select_option("DDIM")
    expect(tiles).to_have_count(0)


def test_the_lightbox_turns_pages_tells_the_parameters_and_deletes(visitor: Visitor) -> None:
    visitor.ask_for("white mouse", steps=2, batch_size=2)
    first, second, *_ = visitor.pictures_of(visitor.generate)
    page = visitor.page
    page.locator("#txt2img_gallery .aq-picture").click()
    box = page.locator("dialog.aq-lightbox")
    expect(box).to_contain_text("white mouse")
    expect(box.locator(".aq-large")).to_have_attribute("src", f"{visitor.address}/aquatint/images/{first['id']}")
    page.keyboard.press("ArrowRight")
    expect(box.locator(".aq-large")).to_have_attribute("src", f"{visitor.address}/aquatint/images/{second['id']}")
    box.get_by_role("button", name="Delete").click()
    page.locator("dialog.aq-question").get_by_role("button", name="Delete").click()
    visitor.until(lambda: not page.request.get(f"{visitor.address}/aquatint/images/{second['id']}").ok)
    expect(box.locator(".aq-large")).not_to_have_attribute("src", f"{visitor.address}/aquatint/images/{second['id']}")
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)


def test_waiting_jobs_are_moved_and_cancelled(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("queue")
    page.locator("#aquatint_queue_pause").click()
    expect(page.locator("#aquatint_queue_pause")).to_have_text("Resume")
    visitor.open("txt2img")
    for prompt in ("job one", "job two", "job three"):
        visitor.ask_for(prompt, steps=2)
        visitor.generate()
    expect(page.locator("#txt2img_gallery .aq-progress")).to_contain_text("The queue is paused")
    visitor.open("queue")
    waiting = page.locator(".aq-jobs .aq-queued .aq-job-prompt")
    expect(waiting).to_have_text(["job one", "job two", "job three"])
    page.locator(".aq-queued", has_text="job three").get_by_role("button", name="To the front").click()
    expect(waiting).to_have_text(["job three", "job one", "job two"])
    page.locator(".aq-queued", has_text="job one").get_by_role("button", name="Later").click()
    expect(waiting).to_have_text(["job three", "job two", "job one"])
    page.locator(".aq-queued", has_text="job two").get_by_role("button", name="Cancel").click()
    expect(waiting).to_have_text(["job three", "job one"])
    page.locator("#aquatint_queue_pause").click()
    visitor.until_idle()
    expect(page.locator(".aq-past .aq-cancelled")).to_contain_text("job two")
    expect(page.locator(".aq-past .aq-done").first).to_contain_text("job one")


def test_settings_are_kept_and_wrong_ones_are_named(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("settings")
    pattern = page.locator("#setting_directories_filename_pattern").locator("input, textarea")
    folder = page.locator("#setting_outdir_txt2img_samples").locator("input, textarea")
    pattern.fill("[date]-pictures")
    folder.fill("extensions/evil")
    page.locator("#settings_submit").click()
    expect(page.locator("#settings_result")).to_contain_text("outdir_txt2img_samples")
    expect(folder).to_have_value("outputs/txt2img-images")
    visitor.reload()
    visitor.open("settings")
    expect(pattern).to_have_value("[date]-pictures")
    pattern.fill("[date]")
    page.locator("#settings_submit").click()
    expect(page.locator("#settings_result")).to_have_text("Saved.")


def test_styles_are_saved_and_written_into_the_prompts(visitor: Visitor) -> None:
    page = visitor.page
    visitor.prompt().fill("{prompt}, in gold")
    page.locator("#txt2img_neg_prompt textarea").fill("silver")
    page.locator("#txt2img_styles_edit_button").click()
    page.locator("#txt2img_style_name").locator("input, textarea").fill("golden")
    page.locator("#txt2img_style_save").click()
    expect(page.locator("#aquatint_toasts")).to_contain_text("golden")
    visitor.prompt().fill("a crown")
    page.locator("#txt2img_neg_prompt textarea").fill("")
    page.locator("#txt2img_styles input").click()
    page.get_by_role("option", name="golden").click()
    page.keyboard.press("Escape")
    page.locator("#txt2img_style_apply").click()
    expect(visitor.prompt()).to_have_value("a crown, in gold")
    expect(page.locator("#txt2img_neg_prompt textarea")).to_have_value("silver")
    page.locator("#txt2img_style_delete").click()
    expect(page.locator("#aquatint_toasts")).to_contain_text("is deleted")
