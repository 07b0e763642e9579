"""The top of the page: name, checkpoint, VAE, clip skip, and what the server is doing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from modules.studio.app import App
from modules.web.field_rows import QUICK
from modules.web.mounts import mount
from modules.web.slots import Page
from modules.web.widgets import make_widget


@dataclass(frozen=True)
class TopBar:
    """The components that all tabs share."""

    widgets: dict[str, Any]
    """By the option's name."""
    refresh: Any
    notice: Any


def build_top_bar(page: Page) -> TopBar:
    """Makes the bar in the present layout."""
    with gr.Row(elem_id="quicksettings", elem_classes="aq-bar"):
        mount(page.assets, "brand", elem_id="aquatint_brand")
        widgets: dict[str, Any] = {}
        for field in QUICK:
            elem_id = field.elem_id("")
            widgets[field.name] = page.slots.place(elem_id, partial(make_widget, field, "", page.app, page.assets))
            if field.name == "sd_model_checkpoint":
                refresh = gr.Button(
                    "Look for new checkpoints and VAEs",
                    elem_id="refresh_sd_model_checkpoint",
                    elem_classes="aq-tool aq-icon-refresh",
                    size="sm",
                )
        mount(page.assets, "status", elem_id="aquatint_status")
    notice = mount(page.assets, "notice", value=notice_text(page.app), elem_id="aquatint_notice")
    return TopBar(widgets, refresh, notice)


def notice_text(app: App) -> str:
    """What a person has to know before the first picture; empty when all is well."""
    lines = []
    if not app.store.checkpoints:
        folder = app.folders.checkpoints[0]
        lines.append(
            f"There is no checkpoint yet. Put a .safetensors file into {folder} and press the button beside the list."
        )
    lines += [broken.reason for broken in app.store.broken]
    return "\n".join(lines)


def look_again(app: App, checkpoint: str | None) -> list[Any]:
    """Lists checkpoints, VAEs and embeddings anew: updates of the bar's widgets, in their order, and the notice."""
    app.store.refresh()
    app.upscalers.refresh()
    app.embeddings.refresh()
    updates: list[Any] = []
    for field in QUICK:
        if field.choices is None:
            updates.append(gr.skip())
            continue
        choices = field.choices(app)
        keep = {} if checkpoint or not choices else {"value": choices[0][1]}
        updates.append(gr.update(choices=choices, **(keep if field.name == "sd_model_checkpoint" else {})))
    return [*updates, notice_text(app)]
