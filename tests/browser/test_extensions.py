"""The Extensions tab in a browser: an extension is looked at, installed, turned off, uninstalled and put back."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Server, Visit, Visitor

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


LASTING = """
import os, pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("pids").write_text(f"{os.getpid()} {child.pid}")
print("Installing what takes its time", flush=True)
child.wait()
"""
"""An install.py that has begun another program and waits for it."""
SLEEPING = "import time\ntime.sleep(600)\n"


def installed(visitor: Visitor, folder: Path) -> Locator:
    """The row of an extension that was brought from a folder and opened."""
    page = visitor.page
    visitor.open("extensions")
    page.fill("#aquatint_extensions_what", str(folder))
    page.keyboard.press("Enter")
    page.locator(".aq-report").get_by_role("button", name="Install").click()
    row = page.locator(f".aq-extension[data-name={folder.name}]")
    row.locator(".aq-extension-line").click()
    return row


def uninstall(row: Locator) -> None:
    row.get_by_role("button", name="Uninstall").click()
    row.page.locator("dialog").get_by_role("button", name="Uninstall").click()
    expect(row).to_have_count(0)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_install_script_is_cancelled_with_what_it_began(visit: Visit, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "sd-lasting"
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts/lasting.py").write_text("")
    (folder / "install.py").write_text(LASTING)
    page = (visitor := visit()).page
    row = installed(visitor, folder)  # what it needs is looked for at once
    page.get_by_role("button", name="Run it").click()
    chore = page.locator(".aq-chore")
    expect(chore).to_contain_text("Running install.py")
    pids = server.log.parent / "extensions/sd-lasting/pids"
    visitor.until(pids.exists)
    chore.get_by_role("button", name="Cancel").click()
    expect(chore).to_contain_text("was cancelled")
    visitor.until(lambda: not any(is_alive(int(pid)) for pid in pids.read_text().split()))
    row.get_by_role("button", name="Packages", exact=True).click()
    expect(page.get_by_role("button", name="Run it")).to_be_visible()
    uninstall(row)


def test_a_trial_is_cancelled_and_another_can_begin(visit: Visit, tmp_path: Path) -> None:
    folder = tmp_path / "sd-sleeping"
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts/sleeping.py").write_text(SLEEPING)
    page = (visitor := visit()).page
    row = installed(visitor, folder)
    chore = page.locator(".aq-chore")
    for _ in range(2):
        row.get_by_role("button", name="Try it").click()
        expect(chore).to_contain_text("The program is started in a scratch folder")
        page.wait_for_timeout(1500)
        chore.get_by_role("button", name="Cancel").click()
        expect(chore).to_contain_text("was cancelled")
    visitor.until(lambda: not [path for path in Path("/proc").glob("[0-9]*/cmdline") if tries(path, "sd-sleeping")])
    uninstall(row)


def tries(path: Path, name: str) -> bool:
    """Whether a process is the trial of that extension."""
    try:
        words = path.read_bytes().split(b"\0")
    except OSError:
        return False
    return b"trial" in words and name.encode() in words
