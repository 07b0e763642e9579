"""Gradio's page on our site, with what it would otherwise do on its own switched off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio
from fastapi import FastAPI
from gradio.utils import get_upload_folder
from starlette.requests import Request
from starlette.routing import BaseRoute

from modules.web.gate import BODY_LIMIT
from modules.web.gradio_file_routes import file_routes, keep_apart
from modules.web.gradio_files import GradioFiles
from modules.web.login import owner_of, when_leaving
from modules.web.pages import page_arguments


class BeforeThePage(list[BaseRoute]):
    """Routes, the last of which answers every path that is left: what comes later is put before it."""

    def append(self, route: BaseRoute) -> None:
        self.insert(len(self) - 1, route)


def mount_pages(
    site: FastAPI, demo: Any, theme: str | None = None, shown: Sequence[Path] = (), hidden: Sequence[Path] = ()
) -> None:
    """Puts the page `demo`, a gr.Blocks, behind all routes that `site` has. Of files on the disk its events may show
    those in the folders `shown`, and never those in `hidden`."""
    files = GradioFiles(Path(get_upload_folder()))
    site.state.gradio_files = files
    site.router.routes += file_routes(files)

    def owner(request: Request) -> str:
        when_leaving(request.scope, files.forget)
        return owner_of(request.scope)

    gradio.mount_gradio_app(
        site,
        demo,
        path="/",
        auth_dependency=owner,
        run_history=False,
        show_error=False,
        footer_links=[],
        max_file_size=BODY_LIMIT,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
        allowed_paths=[str(path) for path in shown],
        blocked_paths=[str(path) for path in hidden],
        **page_arguments(theme),
    )
    site.router.routes = BeforeThePage(site.router.routes)
    # Until this is set Gradio lets an event read any file of the server: only launch() sets it, mounting does not.
    demo.has_launched = True
    keep_apart(demo, files)
