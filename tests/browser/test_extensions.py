"""The Extensions tab in a browser: an extension is looked at, installed, turned off, uninstalled and put back."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Server, Visit

PROGRAM = """
import gradio as gr
import modules.scripts as scripts

class Wild(scripts.Script):
    def title(self): return "<img src=x onerror=window.__xss=1>"
    def ui(self, is_img2img): return [gr.Box()]
    def process(self, p): pass
"""


def test_an_extension_comes_and_goes(visit: Visit, tmp_path: Path) -> None:
    folder = tmp_path / "sd-browsed"
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts/<b>wild.py").write_text(PROGRAM)
    visitor = visit()
    page = visitor.page
    visitor.open("extensions")
    page.fill("#aquatint_extensions_what", str(folder))
    page.keyboard.press("Enter")
    report = page.locator(".aq-report")
    expect(report).to_contain_text("Works here, translated")
    expect(report).to_contain_text("scripts/<b>wild.py:7 speaks an older Gradio: gr.Box")
    report.get_by_role("button", name="Install").click()
    row = page.locator(".aq-extension[data-name=sd-browsed]")
    expect(row).to_contain_text("after a restart")
    row.locator(".aq-extension-line").click()
    expect(row).to_contain_text("process")
    row.get_by_role("switch").click()
    expect(row).to_have_attribute("data-state", "off")
    row.get_by_role("button", name="Uninstall").click()
    page.locator("dialog").get_by_role("button", name="Uninstall").click()
    expect(row).to_have_count(0)
    page.locator(".aq-trash summary").click()
    page.locator(".aq-trash").get_by_role("button", name="Put back").click()
    expect(row).to_have_count(1)
    row.locator(".aq-extension-line").click()
    row.get_by_role("button", name="Uninstall").click()
    page.locator("dialog").get_by_role("button", name="Uninstall").click()
    expect(row).to_have_count(0)
    assert page.evaluate("window.__xss") is None


def test_programs_that_changed_are_named_and_approved_with_one_click(
    visit: Visit, server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "sd-pulled"
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts/pulled.py").write_text("from modules import scripts\n")
    page = (visitor := visit()).page
    visitor.open("extensions")
    page.fill("#aquatint_extensions_what", str(folder))
    page.keyboard.press("Enter")
    page.locator(".aq-report").get_by_role("button", name="Install").click()
    row = page.locator(".aq-extension[data-name=sd-pulled]")
    expect(row).to_contain_text("after a restart")
    expect(row.get_by_role("button", name="Approve", exact=True)).to_be_hidden()
    (server.log.parent / "extensions/sd-pulled/scripts/pulled.py").write_text("mine = 1\n")
    visitor.reload()
    visitor.open("extensions")
    expect(row).to_contain_text("changed since it was approved")
    row.locator(".aq-extension-line").click()
    expect(row).to_contain_text("scripts/pulled.py")
    row.get_by_role("button", name="Approve", exact=True).click()
    expect(row).to_contain_text("after a restart")
    expect(row.get_by_role("button", name="Approve", exact=True)).to_be_hidden()
    row.get_by_role("button", name="Uninstall").click()
    page.locator("dialog").get_by_role("button", name="Uninstall").click()
    expect(row).to_have_count(0)
