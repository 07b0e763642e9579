"""The scripts of extensions as the HTTP API names them."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from modules.web.http_extensions import Kind


class ScriptsOverHttp:
    """Asks the runners of both tabs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def names(self, is_img2img: bool, /) -> Sequence[str]:
        return [script.name for script in self._runner(is_img2img).scripts if script.name]

    def kind(self, title: str, is_img2img: bool, /) -> Kind | None:
        runner = self._runner(is_img2img)
        script = runner.script(title.strip())
        if script is None:
            return None
        return "selectable" if script in runner.selectable_scripts else "always"

    def info(self) -> Sequence[Mapping[str, Any]]:
        runners = (self._runner(False), self._runner(True))
        return [script.api_info for runner in runners for script in runner.scripts if script.api_info]

    def _runner(self, is_img2img: bool) -> Any:
        """With its controls: the page has made them, and without a page they are made here."""
        scripts: Any = importlib.import_module("modules.scripts")
        runner = scripts.scripts_img2img if is_img2img else scripts.scripts_txt2img
        with self._lock:
            if runner.scripts and not any(script.api_info for script in runner.scripts):
                _make_controls(runner)
        return runner


def _make_controls(runner: Any) -> None:
    """Old Gradio is understood since extensions were loaded."""
    import gradio as gr

    with gr.Blocks(analytics_enabled=False):
        runner.prepare_ui()
        runner.setup_ui()
