"""A real server with the starter checkpoint, and people who visit it with a real Chromium."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE = 90_000
"""Milliseconds for a picture, also on a machine that does other things."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


class Server(NamedTuple):
    """The finished program in a process of its own."""

    address: str
    log: Path
    """What it says."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The finished program, with a data folder of its own."""
    with serving(tmp_path_factory.mktemp("data")) as server:
        yield server


@contextmanager
def serving(data: Path) -> Iterator[Server]:
    """The finished program in this data folder, while the block lasts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--skip-install", "--port", str(port), "--data-dir", str(data), "--models-dir", str(ROOT / "models")]
    words += ["--lora-dir", str(data / "Lora"), "--ckpt-dir", str(data / "Checkpoints")]
    path = data / "log.txt"
    with path.open("wb") as log:
        process = subprocess.Popen([sys.executable, "webui.py", *words], cwd=ROOT, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address, process)
        yield Server(address, path)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE / 1000)


@contextmanager
def serving_with(specimen: str, data: Path) -> Iterator[Server]:
    """The finished program with one of tests/specimens among its extensions."""
    shutil.copytree(ROOT / "tests/specimens" / specimen, data / "extensions" / specimen)
    with serving(data) as server:
        yield server


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/aquatint/state", timeout=5):
                return
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.3)
    raise AssertionError("the server does not answer")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window, no longer than a file: Playwright's event loop is the main thread's only one."""
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    expect.set_options(timeout=PATIENCE / 3)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Visitor:
    """Somebody with the page open."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    """Errors of scripts, and answers that say no."""
    addresses: set[str] = field(default_factory=set)
    """The hosts that the page asked for anything."""

    def reload(self) -> None:
        self.page.reload()
        self.until_ready()

    def until_ready(self) -> None:
        """Until the form of the last visit is back."""
        self.page.wait_for_selector("body[data-aquatint=ready]")

    def settle(self) -> None:
        """Closes what an earlier test left open on the page and goes back to its first tab."""
        for _ in self.page.locator("dialog[open]").all():
            self.page.keyboard.press("Escape")
        for close in self.page.get_by_role("button", name="Close the networks").all():
            close.click()
        self.page.evaluate("document.querySelectorAll('.aq-toast').forEach((toast) => toast.remove())")
        self.open("txt2img")
        self.page.evaluate("scrollTo(0, 0)")

    def open(self, tab: str) -> None:
        """Gradio draws a tab when it is first opened, and a moment later gives its components their values."""
        self.click_tab(tab)
        self.page.locator(f"#tab_{tab}").wait_for()
        self.page.wait_for_timeout(250)

    def unfold(self, part: Locator) -> None:
        """Opens a closed part of a form; as with tabs, what is drawn gets its values a moment later."""
        part.click()
        self.page.wait_for_timeout(500)

    def open_bare(self, tab: str) -> None:
        """Opens a tab and takes out the picture that an earlier visit left there."""
        self.open(tab)
        remove = ".aq-has-picture button[aria-label='Remove the picture']"
        self.page.evaluate(f"""document.querySelector("#{tab}_image {remove}")?.click()""")

    def click_tab(self, tab: str) -> None:
        """On a narrow page the last tabs are behind "More tabs", which a page that is not ready has nowhere yet."""
        self.until_ready()
        button, more = self.page.locator(f"#tab_{tab}-button"), self.page.get_by_label("More tabs")
        button.or_(more.filter(visible=True)).first.wait_for()
        if not button.count():
            more.click()
            title = re.compile(f"^{'PNG Info' if tab == 'pnginfo' else tab}$", re.IGNORECASE)
            button = self.page.locator(".overflow-dropdown button").filter(has_text=title)
        button.click()

    def prompt(self, tab: str = "txt2img") -> Locator:
        return self.page.locator(f"#{tab}_prompt textarea")

    def number(self, tab: str, name: str) -> Locator:
        """The number of a slider, or a field that is one."""
        return self.page.locator(f"#{tab}_{name} input[type=number]")

    def set_number(self, tab: str, name: str, value: float) -> None:
        box = self.number(tab, name)
        box.fill(str(value))
        box.press("Tab")

    def ask_for(self, prompt: str, tab: str = "txt2img", **numbers: float) -> None:
        """Fills in a quick request, whatever an earlier visit left in the form."""
        self.prompt(tab).fill(prompt)
        usual = {"steps": 4, "seed": -1, "batch_size": 1, "batch_count": 1, "width": 128, "height": 128}
        for name, value in (usual | numbers).items():
            self.set_number(tab, name, value)

    def generate(self, tab: str = "txt2img") -> None:
        self.page.locator(f"#{tab}_generate").click()

    def jobs(self) -> list[dict[str, Any]]:
        """What the server says of this person's jobs: those at work, then those that ended, the newest first."""
        jobs: list[dict[str, Any]] = self.page.request.get(f"{self.address}/aquatint/state").json()["jobs"]
        return jobs

    def until_idle(self) -> None:
        """Until nothing runs or waits, and the page knows."""
        self.until(lambda: all(job["state"] not in ("queued", "running") for job in self.jobs()))
        self.page.wait_for_selector(".aq-chip[data-tone=idle]")

    def until(self, condition: Callable[[], object]) -> None:
        """Waits until the server's side of something has come about."""
        end = time.monotonic() + PATIENCE / 1000
        while not condition():
            assert time.monotonic() < end, "it does not come about"
            self.page.wait_for_timeout(150)

    def pictures_of(self, act: Callable[[], object], tab: str = "txt2img") -> list[dict[str, Any]]:
        """Acts, and gives the pictures that come of it, the newest job's first; that one is on the stage then."""
        before = {job["id"] for job in self.jobs()}
        act()
        self.until(lambda: {job["id"] for job in self.jobs()} - before)
        self.until_idle()
        assert not [job["error"] for job in self.jobs() if job["id"] not in before and job["error"]]
        fresh = [image for job in self.jobs() if job["id"] not in before for image in job["images"]]
        self.page.wait_for_selector(f"#{tab}_gallery .aq-picture[src*='{fresh[0]['id']}']")
        return fresh

    def shown_picture(self, tab: str = "txt2img") -> Image.Image:
        """The picture on the stage."""
        source = self.page.locator(f"#{tab}_gallery .aq-picture").get_attribute("src")
        assert source is not None
        return Image.open(BytesIO(self.page.request.get(source).body()))

    def details(self, tab: str = "txt2img") -> str:
        """The parameters of the picture on the stage, as they are written."""
        return self.page.locator(f"#html_info_{tab}.aq-details").inner_text()

    def drop(self, file: Path, onto: str) -> None:
        """Drops a file of the disk onto an element."""
        import base64

        transfer = self.page.evaluate_handle(
            """([data, name]) => {
                const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
                const transfer = new DataTransfer();
                transfer.items.add(new File([bytes], name, { type: 'image/png' }));
                return transfer;
            }""",
            [base64.b64encode(file.read_bytes()).decode(), file.name],
        )
        for event in ("dragover", "drop"):
            self.page.dispatch_event(onto, event, {"dataTransfer": transfer})


def _errors(kind: str, text: str) -> list[str]:
    return [text] if kind == "error" and not text.startswith("Failed to load resource") else []


def _refusals(status: int, address: str) -> list[str]:
    """A preview may be gone by the time it is asked for, and so may a picture that was deleted elsewhere."""
    return [f"{status} {address}"] if status >= 400 and not re.search(r"/preview|/images/", address) else []


def arrive(browser: Browser, server: Server, width: int = 1280, height: int = 800, **context: Any) -> Visitor:
    """Opens the page as a new person's browser."""
    page = browser.new_context(viewport={"width": width, "height": height}, **context).new_page()
    visitor = Visitor(page, server.address)
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    page.on("console", lambda line: visitor.complaints.extend(_errors(line.type, line.text)))
    page.on("response", lambda answer: visitor.complaints.extend(_refusals(answer.status, answer.url)))
    page.on("request", lambda asked: visitor.addresses.add(re.sub(r"^(\w+:(//[^/]+)?).*", r"\1", asked.url)))
    page.goto(server.address)
    visitor.until_ready()
    return visitor


Depart = Callable[[list[Visitor]], None]


@pytest.fixture
def depart(server: Server, request: pytest.FixtureRequest, tmp_path: Path) -> Depart:
    """Keeps a screenshot of each visitor's page; none may have complained."""
    folder = Path(os.environ.get("AQUATINT_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def depart(visitors: list[Visitor]) -> None:
        for number, visitor in enumerate(visitors):
            visitor.page.screenshot(path=folder / f"{request.node.name}-{number}.png")
        complaints = [complaint for visitor in visitors for complaint in visitor.complaints]
        assert complaints == [], "\n".join([*complaints, "The server said:", server.log.read_text()[-4000:]])

    return depart


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser, server: Server, depart: Depart) -> Iterator[Visit]:
    """Opens the page as a new person's browser, which is closed after the test."""
    visitors: list[Visitor] = []

    def visit(width: int = 1280, height: int = 800, **context: Any) -> Visitor:
        visitors.append(arrive(browser, server, width, height, **context))
        return visitors[-1]

    yield visit
    try:
        depart(visitors)
    finally:
        for visitor in visitors:
            visitor.page.context.close()


@pytest.fixture
def newcomer(visit: Visit) -> Visitor:
    """One person at a laptop, for whom the page is new: what a tool or a form was set to before would disturb."""
    return visit()


@pytest.fixture(scope="module")
def open_page(browser: Browser, server: Server) -> Iterator[Visitor]:
    """A page that stays open for all tests of a file: it costs more to load than most of them need."""
    visitor = arrive(browser, server)
    yield visitor
    visitor.page.context.close()


@pytest.fixture
def visitor(open_page: Visitor, depart: Depart) -> Iterator[Visitor]:
    """One person at a laptop, on a page that earlier tests of the file have used."""
    open_page.complaints.clear()
    open_page.settle()
    yield open_page
    depart([open_page])
