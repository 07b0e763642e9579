"""Seconds until the page is ready where an extension has very many controls and events, with and without our remedy.

python -m benchmarks.crowded_page [controls [events [rounds]]]: a server of its own with an extension that is made for
it, and Chromium (Debian's, driven by Playwright). In each round the page is opened once as it is and once with the
script `many_events.js` held back, i.e. as Gradio would open it; new browser contexts, so nothing is cached.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, serving

EXTENSION = """
import gradio as gr
from modules import script_callbacks


def tab():
    with gr.Blocks() as crowd:
        heard = gr.Textbox(label="Heard")
        for number in range({controls}):
            button = gr.Button(f"Button {{number}}")
            if number < {events}:
                button.click(lambda number=number: f"Button {{number}}", outputs=[heard])
    return [(crowd, "Crowd", "crowd")]


script_callbacks.on_ui_tabs(tab)
"""
LONGEST = 300_000
"""Milliseconds that one visit may take."""


def main() -> None:
    """Prints the median of both, the worst, and their ratio."""
    controls, events, rounds = [*(int(word) for word in sys.argv[1:4]), *(4000, 900, 3)[len(sys.argv) - 1 :]]
    with tempfile.TemporaryDirectory() as place:
        scripts = Path(place) / "extensions/crowd/scripts"
        scripts.mkdir(parents=True)
        (scripts / "crowd.py").write_text(EXTENSION.format(controls=controls, events=events), encoding="utf-8")
        taken: dict[str, list[float]] = {"as it is": [], "without": []}
        with serving(Path(place)) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
            opened(browser, server.address, held_back=False)  # the server's own first time
            for _ in range(rounds):
                for name, times in taken.items():
                    times.append(opened(browser, server.address, held_back=name == "without"))
            browser.close()
    medians = {name: statistics.median(times) for name, times in taken.items()}
    print(f"{controls} controls, {events} events, {rounds} rounds")
    for name, times in taken.items():
        print(f"{name:10} median {medians[name]:6.1f} s   worst {max(times):6.1f} s")
    print(f"ratio {medians['without'] / medians['as it is']:.2f}")


def opened(browser: Browser, address: str, *, held_back: bool) -> float:
    """Seconds from asking for the page until its forms have their values."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    if held_back:
        page.route("**/many_events.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
    began = time.perf_counter()
    page.goto(address, timeout=LONGEST)
    page.wait_for_selector("body[data-aquatint=ready]", timeout=LONGEST)
    taken = time.perf_counter() - began
    context.close()
    return taken


if __name__ == "__main__":
    main()
