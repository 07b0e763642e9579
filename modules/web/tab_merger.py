"""The Checkpoint Merger tab: two or three checkpoints become a new one, which one click then chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gradio as gr

from modules.diffusion.errors import AquatintError
from modules.diffusion.merging import NEEDED
from modules.studio.app import App
from modules.studio.merger import LETTERS, read_metadata
from modules.studio.request import read_request
from modules.web.field import Choices, Field
from modules.web.generate import owner_in
from modules.web.messages import on_event
from modules.web.mounts import mount
from modules.web.sheet_events import saved_when_changed
from modules.web.slots import Page, Tab, Visit
from modules.web.widgets import make_widget

MERGER, KIND = "modelmerger", "merge"
METHOD = "interp_method"
WORDS = {
    "No interpolation": "A as it is: to bake in a VAE, to halve its numbers, or to leave weights out.",
    "Weighted sum": "A × (1 − M) + B × M: a model between two.",
    "Add difference": "A + (B − C) × M: what B has learnt since it was C, added to A.",
}
FORMAT = "Written as .safetensors. There is no .ckpt to choose: those are pickles, which can hide a program."
NOTHING = (
    "There is nothing to merge yet: put .safetensors or .ckpt files, or folders in diffusers' layout, into "
    "models/Stable-diffusion. The starter has sizes of its own and cannot be merged."
)


def _models(app: App) -> Choices:
    return [
        (checkpoint.title, checkpoint.name)
        for checkpoint in app.store.checkpoints
        if not checkpoint.family.has_own_sizes
    ]


def _vaes(app: App) -> Choices:
    return [(name, name) for name in ("None", *app.store.vaes)]


def _sources(app: App) -> Choices:
    return [(label, index) for index, label in enumerate(("A, B or C", "B", "C", "Don't"))]


FIELDS = (
    Field(
        METHOD,
        "Interpolation Method",
        "radio",
        default="Weighted sum",
        choices=lambda app: [(name, name) for name in NEEDED],
    ),
    Field("primary_model_name", "Primary model (A)", "dropdown", choices=_models, free=True),
    Field("secondary_model_name", "Secondary model (B)", "dropdown", choices=_models, free=True),
    Field("tertiary_model_name", "Tertiary model (C)", "dropdown", choices=_models, free=True),
    Field(
        "multiplier", "Multiplier (M): 0 gives model A", "slider", "interp_amount", default=0.3, limits=(0.0, 1.0, 0.05)
    ),
    Field("custom_name", "Custom Name (Optional)", "line", default="", help="Else it is called after what it is"),
    Field("save_as_half", "Save as float16", "switch", default=False),
    Field("bake_in_vae", "Bake in VAE", "dropdown", default="None", choices=_vaes, free=True),
    Field("config_source", "Copy config from", "radio", "config_method", default=0, choices=_sources),
    Field(
        "discard_weights",
        "Discard weights with matching name",
        "line",
        default="",
        help="A regular expression, such as ^model_ema",
    ),
    Field("save_metadata", "Save metadata", "switch", default=True),
    Field("add_merge_recipe", "Add merge recipe metadata", "switch", "add_recipe", default=True),
    Field("copy_metadata_fields", "Copy metadata from merged models", "switch", "copy_metadata", default=True),
    Field("metadata_json", "Metadata in JSON format", "text", default="{}"),
)
"""Names, labels and ids are A1111's."""


def merger_tab(page: Page) -> Tab:
    return Tab("Checkpoint Merger", f"tab_{MERGER}", lambda: MergerForm(page).build())


class MergerForm:
    """The form on the page."""

    def __init__(self, page: Page) -> None:
        self.page, self.app = page, page.app
        self.widgets: dict[str, Any] = {}

    def build(self) -> None:
        """Makes the components in the present layout, and joins them with the server."""
        with gr.Row(elem_classes="aq-work"):
            with gr.Column(scale=5, min_width=320, elem_id="modelmerger_settings", elem_classes="aq-settings"):
                formula, hint, refresh = self._models()
                self._result()
                read = self._metadata()
            with gr.Column(
                scale=6, min_width=320, elem_id="modelmerger_results_container", elem_classes="aq-results-column"
            ):
                with gr.Row(elem_id="modelmerger_generate_box", elem_classes="aq-generate-box aq-generate-row"):
                    merge = gr.Button("Merge", elem_id="modelmerger_merge", variant="primary", scale=4)
                    interrupt = gr.Button(
                        "Interrupt", elem_id="modelmerger_interrupt", size="sm", scale=1, min_width=90
                    )
                results = self._mount("merger", "modelmerger_results_panel")
        interrupt.click(fn=None, js=f"() => window.aquatint.tell('{KIND}', 'interrupt')", api_visibility="private")
        self._connect_merge(merge, results)
        self._connect_lists(formula, hint, refresh)
        self._connect_metadata(read)
        saved_when_changed(list(self.widgets.values()), MERGER)

    # Layout

    def _models(self) -> tuple[Any, Any, Any]:
        self._add(METHOD)
        formula = self._mount("note", "modelmerger_interp_description", value=WORDS["Weighted sum"])
        hint = self._mount("note", "modelmerger_hint", value=_hint(self.app))
        with gr.Row(elem_id="modelmerger_models"):
            self._add("primary_model_name")
            refresh = gr.Button(
                "Look for new checkpoints and VAEs",
                elem_id="refresh_checkpoint_A",
                elem_classes="aq-tool aq-icon-refresh",
                size="sm",
            )
        with gr.Column(elem_classes="aq-model-b"):
            self._add("secondary_model_name")
        with gr.Column(elem_classes="aq-model-c"):
            self._add("tertiary_model_name")
        with gr.Column(elem_classes="aq-model-b"):
            self._add("multiplier")
        return formula, hint, refresh

    def _result(self) -> None:
        self._add("custom_name")
        with gr.Row(elem_classes="aq-pair"):
            self._add("bake_in_vae")
            self._add("save_as_half")
        with gr.Accordion("More", open=False, elem_id="modelmerger_more"):
            self._add("discard_weights")
            self._add("config_source")
            self._mount("note", "modelmerger_checkpoint_format", value=FORMAT)

    def _metadata(self) -> Any:
        with gr.Accordion("Metadata", open=False, elem_id="modelmerger_metadata"):
            self._add("save_metadata")
            self._add("add_merge_recipe")
            self._add("copy_metadata_fields")
            self._add("metadata_json")
            return gr.Button("Read metadata from selected checkpoints", elem_id="modelmerger_read_metadata", size="sm")

    def _mount(self, module: str, elem_id: str, **given: Any) -> Any:
        return mount(self.page.assets, module, elem_id=elem_id, **given)

    def _add(self, name: str) -> None:
        row = next(row for row in FIELDS if row.name == name)
        make = partial(make_widget, row, MERGER, self.app, self.page.assets)
        self.widgets[name] = self.page.slots.place(row.elem_id(MERGER), make)

    # Events

    def _connect_merge(self, merge: Any, results: Any) -> None:
        inputs = list(self.widgets.values())

        def on_merge(request: gr.Request, *values: Any) -> list[str]:
            return [self.submit(values, owner_in(request))]

        def on_remember(request: gr.Request, *values: Any) -> list[Any]:
            self.remember(values, owner_in(request))
            return []

        on_event(merge.click, on_merge, self.page.messages, inputs=inputs, outputs=[results], trigger_mode="multiple")
        remember = self.page.bridge.remember_modelmerger
        on_event(remember, on_remember, self.page.messages, inputs=inputs, trigger_mode="always_last")

    def _connect_lists(self, formula: Any, hint: Any, refresh: Any) -> None:
        """What there is to choose from changes while the page is open: by hand, and by a merge that is done."""
        method = self.widgets[METHOD]
        lists = [row for row in FIELDS if row.kind == "dropdown"]

        def on_method(name: str) -> list[Any]:
            return [WORDS.get(name, "")]

        def on_refresh() -> list[Any]:
            self.app.store.refresh()
            return on_merged()

        def on_merged() -> list[Any]:
            return [*(gr.update(choices=_choices(row, self.app)) for row in lists), _hint(self.app)]

        outputs = [*(self.widgets[row.name] for row in lists), hint]
        on_event(method.change, on_method, self.page.messages, inputs=[method], outputs=[formula])
        on_event(refresh.click, on_refresh, self.page.messages, outputs=outputs)
        on_event(self.page.bridge.merged, on_merged, self.page.messages, outputs=outputs)
        js = f"""method => [1, 2, 3].forEach((count) => document.body.classList.toggle(
            `aq-merges-${{count}}`, ({dict(NEEDED)})[method] === count))"""
        method.change(fn=None, js=js, inputs=[method], api_visibility="private")
        self.page.visits.append(
            Visit([*self.widgets.values(), formula, hint], lambda visitor: self.recall(visitor.name))
        )

    def _connect_metadata(self, read: Any) -> None:
        boxes = [self.widgets[METHOD], *(self.widgets[name] for name in LETTERS)]

        def on_read(method: str, *names: str | None) -> list[Any]:
            wanted = names[: NEEDED.get(method, 0)]  # type: ignore[call-overload]
            return [read_metadata([name or "" for name in wanted], self.app.store)]

        on_event(read.click, on_read, self.page.messages, inputs=boxes, outputs=[self.widgets["metadata_json"]])

    def submit(self, values: Sequence[Any], owner: str) -> str:
        """Queues what the form says and returns the job's id. Raises: AquatintError in words for who filled it in."""
        self.remember(values, owner)
        asked = {name: "" if value is None else value for name, value in zip(self.widgets, values, strict=True)}
        return self.app.engine.submit(read_request(KIND, asked), owner).id

    def remember(self, values: Sequence[Any], owner: str) -> None:
        """Keeps the form for the owner's next visit."""
        self.app.forms.save(owner, MERGER, dict(zip(self.widgets, values, strict=True)))

    def recall(self, owner: str) -> list[Any]:
        """Updates of the widgets, the formula and the hint: what the owner left, and the models of today."""
        saved = self.app.forms.load(owner, MERGER)
        rows = {row.name: row for row in FIELDS}
        shown = [self._shown(rows[name], saved.get(name)) for name in self.widgets]
        method = rows[METHOD].clean(saved.get(METHOD), self.app)
        return [*shown, WORDS[method], _hint(self.app)]

    def _shown(self, row: Field, value: Any) -> Any:
        value = _by_name(value, self.app) if row.name in LETTERS else value
        cleaned = row.default if value is None else row.clean(value, self.app)
        return gr.update(value=cleaned, choices=_choices(row, self.app)) if row.kind == "dropdown" else cleaned


def _choices(row: Field, app: App) -> Choices:
    make: Callable[[App], Choices] = row.choices or (lambda app: [])
    return make(app)


def _by_name(typed: Any, app: App) -> str | None:
    """A model's name as the list has it, for whatever a person has typed for it."""
    try:
        return app.store.find(typed).name if isinstance(typed, str) and typed.strip() else None
    except AquatintError:
        return None


def _hint(app: App) -> str:
    return "" if _models(app) else NOTHING
