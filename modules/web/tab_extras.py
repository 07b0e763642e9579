"""The Extras tab: finished pictures, from anywhere, made larger by one or two upscalers, and their faces restored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gradio as gr

from modules.studio.app import App
from modules.studio.extras import restorers
from modules.studio.request import Extras, RequestError, read_request
from modules.studio.upscaling import NONE, RESIZERS
from modules.web.field import Choices, Field
from modules.web.folder_form import ON_THE_MACHINE, folder_box, may_name_folders
from modules.web.generate import owner_in
from modules.web.messages import on_event
from modules.web.mounts import mount
from modules.web.sheet_events import saved_when_changed
from modules.web.slots import Page, Tab, Visit
from modules.web.widgets import make_widget

EXTRAS = "extras"
BY, TO = 0, 1
USUAL = "R-ESRGAN 4x+"
PICTURES, FOLDER = "images", "input_dir"


def _upscalers(app: App) -> Choices:
    return [(name, name) for name in app.upscalers.names()]


def _two(first: str, second: str) -> Callable[[App], Choices]:
    return lambda app: [(first, True), (second, False)]


FIELDS = (
    Field("upscaler_1", "Upscaler", "dropdown", default="Lanczos", choices=_upscalers, free=True),
    Field("resize_mode", "Size", "radio", default=BY, choices=lambda app: [("Times the size", BY), ("To a size", TO)]),
    Field("upscaling_resize", "Resize", "slider", default=4.0, limits=(1, 8, 0.05)),
    Field("upscaling_resize_w", "Width", "count", default=1024, limits=(1, 32_768, 1)),
    Field("upscaling_resize_h", "Height", "count", default=1024, limits=(1, 32_768, 1)),
    Field(
        "upscaling_crop",
        "What does not fit",
        "radio",
        default=True,
        choices=_two("Cut off", "Stays: it is larger than the size"),
    ),
    Field("upscaler_2", "Second upscaler", "dropdown", default=NONE, choices=_upscalers, free=True),
    Field(
        "extras_upscaler_2_visibility",
        "Its share",
        "slider",
        "upscaler_2_visibility",
        default=0.5,
        limits=(0, 1, 0.01),
    ),
    Field("gfpgan_visibility", "GFPGAN visibility", "slider", default=0.0, limits=(0, 1, 0.01)),
    Field("codeformer_visibility", "CodeFormer visibility", "slider", default=0.0, limits=(0, 1, 0.01)),
    Field("codeformer_weight", "CodeFormer weight (0 rebuilds, 1 keeps)", "slider", default=0.5, limits=(0, 1, 0.01)),
)
"""Names and ids are A1111's."""


def extras_tab(page: Page) -> Tab:
    return Tab("Extras", "tab_extras", lambda: ExtrasForm(page).build())


class ExtrasForm:
    """The form on the page."""

    def __init__(self, page: Page) -> None:
        self.page, self.app = page, page.app
        self.widgets: dict[str, Any] = {}
        self.hint: Any = None
        self.missing: Any = None

    def build(self) -> None:
        """Makes the components in the present layout, and joins them with the server."""
        with gr.Row(elem_classes="aq-work"):
            with gr.Column(scale=5, min_width=320, elem_id="extras_settings", elem_classes="aq-settings"):
                self._place(PICTURES, "extras_image", lambda: self._mount("extras_pictures", "extras_image"))
                self._parameters()
            with gr.Column(scale=6, min_width=320, elem_id="extras_results", elem_classes="aq-results-column"):
                with gr.Row(elem_id="extras_generate_box", elem_classes="aq-generate-box aq-generate-row"):
                    generate = gr.Button("Upscale", elem_id="extras_generate", variant="primary", scale=4)
                    interrupt = gr.Button("Interrupt", elem_id="extras_interrupt", size="sm", scale=1, min_width=90)
                    skip = gr.Button("Skip", elem_id="extras_skip", size="sm", scale=1, min_width=70)
                options = {"tab": EXTRAS, "hint": "Put in finished ones, choose an upscaler, then press Upscale."}
                results = self._mount("results", "extras_gallery", options=options)
        self._connect(generate, results)
        for button, verb in ((interrupt, "interrupt"), (skip, "skip")):
            button.click(fn=None, js=f"() => window.aquatint.tell('{EXTRAS}', '{verb}')", api_visibility="private")

    def _parameters(self) -> None:
        self._add("upscaler_1")
        self.hint = self._mount("note", "extras_hint", value=_hint(self.app))
        self._add("resize_mode")
        with gr.Row(elem_classes="aq-scale-by"):
            self._add("upscaling_resize")
        with gr.Column(elem_classes="aq-scale-to"):
            with gr.Row(elem_classes="aq-pair"):
                self._add("upscaling_resize_w", "upscaling_resize_h")
            self._add("upscaling_crop")
        with gr.Accordion("A second upscaler mixed in", open=False, elem_id="extras_second"), gr.Row():
            self._add("upscaler_2", "extras_upscaler_2_visibility")
        with gr.Accordion("Faces", open=False, elem_id="extras_faces"):
            self.missing = self._mount("note", "extras_faces_missing", value=self.app.faces.missing())
            self._add("gfpgan_visibility")
            with gr.Row(elem_classes="aq-pair"):
                self._add("codeformer_visibility", "codeformer_weight")
        if may_name_folders(self.app.flags):
            with gr.Accordion("All pictures of a folder", open=False, elem_id="extras_folder"):
                self._place(FOLDER, "extras_batch_input_dir", _folder_box)

    def _mount(self, module: str, elem_id: str, **given: Any) -> Any:
        return mount(self.page.assets, module, elem_id=elem_id, **given)

    def _add(self, *names: str) -> None:
        for row in FIELDS:
            if row.name in names:
                make = partial(make_widget, row, EXTRAS, self.app, self.page.assets)
                self._place(row.name, row.elem_id(EXTRAS), make)

    def _place(self, name: str, elem_id: str, make: Callable[[], Any]) -> None:
        self.widgets[name] = self.page.slots.place(elem_id, make)

    # Events

    def _connect(self, generate: Any, results: Any) -> None:
        bridge, messages, inputs = self.page.bridge, self.page.messages, list(self.widgets.values())

        def on_generate(request: gr.Request, *values: Any) -> list[str]:
            return [self.submit(values, owner_in(request))]

        def on_remember(request: gr.Request, *values: Any) -> list[Any]:
            self.remember(values, owner_in(request))
            return []

        def on_fill(asked: gr.EventData) -> list[Any]:
            picture = asked._data.get("picture")
            text = asked._data.get("infotext")
            return [[{**picture, "infotext": text if isinstance(text, str) else ""}]] if picture else [gr.skip()]

        newest = f"(...values) => window.aquatint.newest('{EXTRAS}', 0, values)"
        on_event(
            generate.click, on_generate, messages, inputs=inputs, outputs=[results], js=newest, trigger_mode="multiple"
        )
        on_event(bridge.remember_extras, on_remember, messages, inputs=inputs, trigger_mode="always_last")
        on_event(bridge.fill_extras, on_fill, messages, outputs=[self.widgets[PICTURES]], trigger_mode="multiple")
        saved_when_changed(inputs, EXTRAS)
        shows = f"mode => void document.body.classList.toggle('aq-to-a-size', mode === {TO})"
        self.widgets["resize_mode"].change(
            fn=None, js=shows, inputs=[self.widgets["resize_mode"]], api_visibility="private"
        )
        self.page.visits.append(Visit(inputs, lambda visitor: self.recall(visitor.name)))
        notes = [self.hint, self.missing]
        self.page.visits.append(Visit(notes, lambda visitor: [_hint(self.app), self.app.faces.missing()]))

    def submit(self, values: Sequence[Any], owner: str) -> str:
        """Queues what the form says and returns the job's id. Raises: AquatintError in words for who filled it in."""
        self.remember(values, owner)
        asked = dict(zip(self.widgets, values, strict=True))
        asked[FOLDER] = (asked.get(FOLDER) or "").strip()
        asked[PICTURES] = () if asked[FOLDER] else _pictures(asked[PICTURES])
        wanted = read_request(EXTRAS, asked)
        if asked["upscaler_1"] == NONE and isinstance(wanted, Extras) and not restorers(wanted):
            raise RequestError("Choose an upscaler first, or restore faces.", "upscaler_1")
        return self.app.engine.submit(wanted, owner).id

    def remember(self, values: Sequence[Any], owner: str) -> None:
        """Keeps the form for the owner's next visit."""
        self.app.forms.save(owner, EXTRAS, dict(zip(self.widgets, values, strict=True)))

    def recall(self, owner: str) -> list[Any]:
        """Updates of the widgets: what the owner left in them, and the upscalers of today."""
        self.app.upscalers.refresh()
        saved = {**_start(self.app), **self.app.forms.load(owner, EXTRAS)}
        rows = {row.name: row for row in FIELDS}
        return [self._shown(rows.get(name), saved.get(name)) for name in self.widgets]

    def _shown(self, row: Field | None, value: Any) -> Any:
        if row is None:
            return value
        if row.choices is not None and row.free:
            return gr.update(value=row.clean(value, self.app), choices=row.choices(self.app))
        return row.default if value is None else row.clean(value, self.app)


def _folder_box() -> Any:
    told = f"{ON_THE_MACHINE} Its pictures are taken instead of those above, under their names."
    return folder_box("Folder", "extras_batch_input_dir", told)


def _pictures(value: Any) -> list[dict[str, Any]]:
    return [picture for picture in value if isinstance(picture, dict)] if isinstance(value, list) else []


def _hint(app: App) -> str:
    if len(app.upscalers.rows) > len(RESIZERS):
        return ""
    return "These only resize. Networks draw detail: `python webui.py upscalers` puts some into models/RealESRGAN."


def _start(app: App) -> dict[str, Any]:
    """A network, if there is one; on a CPU the first, since the usual one takes minutes there."""
    networks = app.upscalers.names()[len(RESIZERS) :]
    usual = [name for name in networks if name == USUAL and not app.hardware.is_cpu]
    return {"upscaler_1": (usual or networks)[0]} if networks else {}
