"""The web page: a bar, the tabs, a footer, and the events that join them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from modules.studio.app import App
from modules.studio.settings import Options
from modules.studio.version import VERSION
from modules.web.assets_route import read_assets
from modules.web.field import TABS
from modules.web.field_rows import QUICK
from modules.web.fields import Form
from modules.web.form_parts import FormParts
from modules.web.generate import recall, visitor_of
from modules.web.messages import make_messages, on_event
from modules.web.mounts import mount
from modules.web.quick_options import build_quick_options, connect_quick_options, declare_quick_options
from modules.web.sheet_events import connect_sheet, saved_when_changed
from modules.web.slots import Page, Slots, Tab, Visit
from modules.web.tab_extensions import extensions_tab
from modules.web.tab_extras import EXTRAS, extras_tab
from modules.web.tab_gallery import gallery_tab
from modules.web.tab_generate import Sheet, build_generate_tab
from modules.web.tab_merger import MERGER, merger_tab
from modules.web.tab_png_info import png_info_tab
from modules.web.tab_queue import queue_tab
from modules.web.tab_settings import settings_tab
from modules.web.theme import ink_theme
from modules.web.tokens import TokenCounter
from modules.web.top_bar import TopBar, build_top_bar, look_again, notice_text

STYLES = (
    "icons.css",
    "base.css",
    "form.css",
    "results.css",
    "canvas.css",
    "gallery.css",
    "cards.css",
    "extensions.css",
    "merger.css",
)
EVENTS = (
    *(f"{verb}_{tab}" for tab in (*TABS, EXTRAS) for verb in ("fill", "remember")),
    f"remember_{MERGER}",
    "merged",
)


def build_pages(app: App, slots: Slots | None = None, *, with_extensions: bool = False) -> Any:
    """The gr.Blocks of the whole page; mount it with `page_arguments`."""
    assets = read_assets()
    declare_quick_options(app)
    with gr.Blocks(title="Aquatint", analytics_enabled=False, fill_width=True) as demo:
        bridge = mount(assets, "page", elem_id="aquatint_page", events=EVENTS)
        slots = slots or Slots()
        page = Page(app, assets, slots, TokenCounter(app.embeddings, slots.readers), make_messages(assets), bridge)
        page.visits.append(Visit([bridge], lambda visitor: [_keys(app.own_options.of(visitor.name))]))
        bar = build_top_bar(page)
        quick = build_quick_options(page)
        with gr.Tabs(elem_id="tabs", selected="tab_txt2img"):
            sheets = [_generate_tab(page, Form(tab, FormParts(tab, page.slots.forms)), bar) for tab in TABS]
            extensions = (extensions_tab,) if with_extensions else ()
            own = (extras_tab, png_info_tab, merger_tab, gallery_tab, queue_tab, settings_tab, *extensions)
            later = [tab for give in page.slots.later for tab in give()]
            for tab in (*(make(page) for make in own), *page.slots.tabs, *later):
                _tab(tab)
        mount(page.assets, "note", elem_id="footer", value=_about(app))
        for sheet in sheets:
            connect_sheet(sheet, bridge)
        for join in page.slots.built:
            join()
        _connect_bar(page, bar)
        _connect_load(page, demo, bar, sheets)
        connect_quick_options(page, demo, quick)
    return demo


def page_arguments(theme: str | None = None) -> dict[str, Any]:
    """The arguments of gr.mount_gradio_app that make the page look as it should; `theme` is "light", "dark" or None
    for what the person's system prefers."""
    assets = read_assets()
    head = [f'<link rel="stylesheet" href="{assets.address(name)}">' for name in STYLES]
    head += [f'<link rel="modulepreload" href="{assets.address(name)}">' for name in assets.files if name[-3:] == ".js"]
    head.append(f'<link rel="icon" type="image/svg+xml" href="{assets.address("favicon.svg")}">')
    head.append('<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">')
    return {"theme": ink_theme(), "css": None, "js": _theme_script(theme), "head": "\n".join(head)}


def _theme_script(theme: str | None) -> str:
    """Runs before the page is drawn: the person's own choice, else the server's, else the system's."""
    return f"""(() => {{
        const chosen = localStorage.getItem('aquatint-theme') || '{theme or ""}';
        if (chosen === 'dark' || chosen === 'light') document.body.classList.toggle('dark', chosen === 'dark');
    }})()"""


def _tab(tab: Tab) -> None:
    with gr.Tab(tab.title, id=tab.elem_id, elem_id=tab.elem_id):
        tab.build()


def _generate_tab(page: Page, form: Form, bar: TopBar) -> Sheet:
    with gr.Tab(form.tab, id=f"tab_{form.tab}", elem_id=f"tab_{form.tab}"):
        return build_generate_tab(page, form, bar)


def _keys(options: Options) -> dict[str, Any]:
    """What the keys of the prompt boxes do, by the names that prompt.js has for it."""
    return {
        "attention": options.keyedit_precision_attention,
        "extra": options.keyedit_precision_extra,
        "delimiters": options.keyedit_delimiters,
        "move": options.keyedit_move,
    }


def _about(app: App) -> str:
    hardware, attention = app.hardware, app.attention
    return (
        f"Aquatint {VERSION} · {hardware.name} · {str(hardware.dtype).removeprefix('torch.')} ({hardware.reason})"
        f" · attention: {attention.name} ({attention.reason})"
    )


def _connect_bar(page: Page, bar: TopBar) -> None:
    checkpoint = bar.widgets["sd_model_checkpoint"]

    def on_refresh(chosen: str | None) -> list[Any]:
        return look_again(page.app, chosen)

    outputs = [*(bar.widgets[field.name] for field in QUICK), bar.notice]
    for event in (bar.refresh.click, page.bridge.merged):
        on_event(event, on_refresh, page.messages, inputs=[checkpoint], outputs=outputs)


def _connect_load(page: Page, demo: Any, bar: TopBar, sheets: Sequence[Sheet]) -> None:
    """On every visit: what the person left in the forms, and what is on the disk today."""
    app = page.app
    shared = [bar.widgets[field.name] for field in QUICK]
    own = [widget for sheet in sheets for widget in sheet.inputs[len(QUICK) :]]
    others = [component for visit in page.visits for component in visit.outputs]

    def restore(request: gr.Request) -> list[Any]:
        visitor = visitor_of(request)
        forms = [recall(app, sheet.form, visitor.name) for sheet in sheets]
        updates = [*forms[0][: len(QUICK)], *(update for form in forms for update in form[len(QUICK) :])]
        return [*updates, notice_text(app), *(value for visit in page.visits for value in visit.today(visitor))]

    saved_when_changed(shared, *TABS)
    loaded = on_event(demo.load, restore, page.messages, outputs=[*shared, *own, bar.notice, *others])
    loaded.success(fn=None, js="() => window.aquatint.restored()", api_visibility="private")
