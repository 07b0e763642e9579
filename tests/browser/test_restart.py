"""A running server gets an extension: its packages are looked for, that is cancelled, and a restart brings it in."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import ImageOps
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PATIENCE, ROOT, Server, Visit, Visitor, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The finished program, where the index of packages takes a question and never answers."""
    with socket.socket() as index, pytest.MonkeyPatch.context() as patch:
        index.bind(("127.0.0.1", 0))
        index.listen()
        patch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{index.getsockname()[1]}/simple")
        with serving(tmp_path_factory.mktemp("restarted")) as server:
            yield server


def install(visitor: Visitor, folder: Path) -> None:
    visitor.open("extensions")
    visitor.page.fill("#aquatint_extensions_what", str(folder))
    visitor.page.keyboard.press("Enter")
    visitor.page.locator(".aq-report").get_by_role("button", name="Install").click()
    expect(row_of(visitor.page, folder.name)).to_contain_text("after a restart")


def row_of(page: Page, name: str) -> Locator:
    return page.locator(f".aq-extension[data-name={name}]")


def test_a_long_search_for_packages_says_what_it_does_and_is_cancelled_while_the_page_goes_on(
    visit: Visit, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "tests/specimens/teller", tmp_path / "teller")
    (tmp_path / "teller/requirements.txt").write_text("far-away\n")
    visitor = visit()
    install(visitor, tmp_path / "teller")
    chore = visitor.page.locator(".aq-chore")
    expect(chore).to_contain_text("Looking for the packages of teller")
    expect(chore).to_contain_text("far-away")
    expect(chore.locator(".aq-number")).to_have_text("3 s")
    visitor.open("txt2img")
    visitor.ask_for("a boat meanwhile")
    assert visitor.pictures_of(visitor.generate)
    visitor.reload()
    visitor.open("extensions")
    chore.get_by_role("button", name="Cancel").click()
    expect(chore).to_contain_text("Looking for the packages of teller: cancelled")
    expect(chore).to_contain_text("It was cancelled.")
    chore.get_by_role("button", name="Close").click()
    expect(chore).to_be_hidden()


def test_an_extension_counts_after_apply_and_restart_and_no_job_is_lost(visit: Visit) -> None:
    visitor = visit()
    visitor.ask_for("a red boat", seed=5)
    visitor.pictures_of(visitor.generate)
    before = visitor.shown_picture()
    install(visitor, ROOT / "tests/specimens/always")
    visitor.open("txt2img")
    visitor.ask_for("a long way", seed=6, steps=30, width=192, height=192)
    known = {job["id"] for job in visitor.jobs()}
    visitor.generate()
    visitor.generate()
    visitor.until(lambda: {job["state"] for job in visitor.jobs()} >= {"running", "queued"})
    visitor.open("extensions")
    visitor.page.get_by_role("button", name="Apply and restart").click()
    dialog = visitor.page.locator("dialog")
    expect(dialog).to_contain_text("The job that runs now begins again afterwards.")
    with visitor.page.expect_navigation(timeout=PATIENCE):
        dialog.get_by_role("button", name="Restart").click()
    visitor.until_ready()
    expect(row_of(visitor.page, "always").locator(".aq-extension-state")).to_have_text("on")
    visitor.complaints[:] = [said for said in visitor.complaints if not said.startswith("503")]  # it was not ready yet
    visitor.until_idle()
    outcomes = [(job["state"], len(job["images"])) for job in visitor.jobs() if job["id"] not in known]
    assert outcomes == [("done", 1), ("done", 1)]
    visitor.open("txt2img")
    visitor.ask_for("a red boat", seed=5)
    visitor.pictures_of(visitor.generate)
    assert visitor.shown_picture().tobytes() == ImageOps.invert(before).tobytes()
