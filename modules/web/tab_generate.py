"""The tabs that make pictures: txt2img, img2img and inpaint. They differ in their rows of fields.py only."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gradio as gr

from modules.web.batch import batch_box
from modules.web.field import OVERRIDES, PAINT, TEXT, WITH_PICTURE
from modules.web.fields import Form
from modules.web.folder_form import FolderForm, folder_form
from modules.web.folds import Fold, fold, mark_folds
from modules.web.hires_again import EVENT as LARGER
from modules.web.mounts import mount
from modules.web.passes_form import (
    hires_fix,
    over_the_picture,
    refiner_and_sampling,
    show_hires_size,
    soft_inpainting,
    variation,
)
from modules.web.slots import Page
from modules.web.top_bar import TopBar
from modules.web.widgets import make_widget


@dataclass
class Sheet:
    """A form on the page: its widgets by field name, its buttons by what they do."""

    page: Page
    form: Form
    widgets: dict[str, Any]
    buttons: dict[str, Any] = field(default_factory=dict)
    counters: list[Any] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)
    plan: Any = None
    results: Any = None
    batch: Any = None
    folder: FolderForm | None = None
    folds: list[Fold] = field(default_factory=list)
    style_name: Any = None

    @property
    def inputs(self) -> list[Any]:
        """The widgets in the order of the form's fields, and what others have added to it."""
        return [*(self.widgets[field.name] for field in self.form.fields), *self.form.parts.components]

    def add(self, *names: str) -> None:
        """Makes the widgets of these fields in the present layout; a field that the tab does not have is left out."""
        for row in self.form.fields:
            if row.name in names and row.name not in self.widgets:
                make = partial(make_widget, row, self.form.tab, self.page.app, self.page.assets)
                self.widgets[row.name] = self.page.slots.place(row.elem_id(self.form.tab), make)

    def button(self, name: str, label: str, elem_id: str, **props: Any) -> Any:
        """Makes a button, known as `name`."""
        made = self.page.slots.place(elem_id, lambda: gr.Button(label, elem_id=elem_id, **props))
        self.buttons[name] = made
        return made

    def tool(self, name: str, label: str, icon: str, elem_id: str) -> Any:
        """A small button that shows an icon; the label is for screen readers and the tooltip."""
        return self.button(name, label, elem_id, elem_classes=f"aq-tool aq-icon-{icon}", size="sm")


def build_generate_tab(page: Page, form: Form, bar: TopBar) -> Sheet:
    """Makes one of the three tabs in the present layout."""
    sheet = Sheet(page, form, dict(bar.widgets))
    tab = form.tab
    form.parts.opens()
    with gr.Row(elem_id=f"{tab}_toprow", elem_classes="aq-toprow"):
        with gr.Column(scale=7, min_width=320, elem_id=f"{tab}_prompt_container", elem_classes="aq-prompts"):
            _prompts(sheet)
        with gr.Column(scale=2, min_width=240, elem_id=f"{tab}_actions_column", elem_classes="aq-actions"):
            _actions(sheet)
    with gr.Row(elem_classes="aq-work"):
        with gr.Column(scale=5, min_width=320, elem_id=f"{tab}_settings", elem_classes="aq-settings"):
            if tab in WITH_PICTURE:
                sheet.add("init_images")
            _parameters(sheet)
            if form.parts:
                with gr.Column(elem_id=f"{tab}_script_container", elem_classes="aq-scripts"):
                    form.parts.build()
            if tab in WITH_PICTURE:
                sheet.batch = batch_box(page, tab)
                sheet.folder = folder_form(page, form)
        with gr.Column(scale=6, min_width=320, elem_id=f"{tab}_results", elem_classes="aq-results-column"):
            sheet.results = page.slots.place(
                f"{tab}_gallery",
                lambda: mount(
                    page.assets,
                    "results",
                    elem_id=f"{tab}_gallery",
                    events=(LARGER,) if tab == TEXT else (),
                    options={"tab": tab},
                ),
            )
    form.parts.closes()
    return sheet


def _prompts(sheet: Sheet) -> None:
    tab = sheet.form.tab
    rows = (("prompt", "prompt", "token_counter"), ("negative_prompt", "neg_prompt", "negative_token_counter"))
    for name, suffix, counter in rows:
        with gr.Column(elem_id=f"{tab}_{suffix}_row", elem_classes="aq-prompt-box"):
            sheet.add(name)
            sheet.counters.append(
                mount(sheet.page.assets, "note", elem_id=f"{tab}_{counter}", elem_classes="aq-counter", value="0/75")
            )
            sheet.notes.append(
                mount(sheet.page.assets, "prompt_notes", elem_id=f"{tab}_{name}_notes", elem_classes="aq-prompt-notes")
            )
    sheet.plan = mount(sheet.page.assets, "note", elem_id=f"{tab}_plan", elem_classes="aq-plan", value="")


def _actions(sheet: Sheet) -> None:
    tab = sheet.form.tab
    with gr.Column(elem_id=f"{tab}_generate_box", elem_classes="aq-generate-box"):
        sheet.button("generate", "Generate", f"{tab}_generate", variant="primary")
        with gr.Row(elem_classes="aq-running-only"):
            sheet.button("interrupt", "Interrupt", f"{tab}_interrupt", size="sm")
            sheet.button("skip", "Skip", f"{tab}_skip", size="sm")
    with gr.Row(elem_id=f"{tab}_tools", elem_classes="aq-tools"):
        sheet.tool("paste", "Read parameters from the prompt or the clipboard", "paste", _paste_id(tab))
        sheet.tool("clear", "Clear the prompts", "trash", f"{tab}_clear_prompt")
        sheet.tool("cards", "Networks: LoRAs, embeddings, checkpoints", "cards", f"{tab}_extra_networks")
        sheet.tool("style_apply", "Write the chosen styles into the prompts", "wand", f"{tab}_style_apply")
        sheet.tool("style_edit", "Save or delete a style", "pencil", f"{tab}_styles_edit_button")
    with gr.Row(elem_id=f"{tab}_styles_row", elem_classes="aq-styles"):
        sheet.add("styles")
    with gr.Row(elem_id=f"{tab}_styles_editor", elem_classes="aq-styles-editor"):
        sheet.style_name = gr.Textbox(
            label="Style name",
            placeholder="Name of the style",
            max_lines=1,
            elem_id=f"{tab}_style_name",
            show_label=False,
            container=False,
            min_width=100,
        )
        sheet.button("style_save", "Save", f"{tab}_style_save", size="sm", min_width=60)
        sheet.button("style_delete", "Delete", f"{tab}_style_delete", size="sm", min_width=60)


def _paste_id(tab: str) -> str:
    """A1111's page has one id for both of its paste buttons; the first keeps it."""
    return "paste" if tab == "txt2img" else f"{tab}_paste"


def _parameters(sheet: Sheet) -> None:
    tab, section = sheet.form.tab, sheet.form.parts.section
    if tab == PAINT:
        sheet.add("inpainting_fill")
        with gr.Row(elem_classes="aq-pair"):
            sheet.add("inpaint_full_res", "inpaint_full_res_padding")
        soft_inpainting(sheet)
        section("inpaint")
    with gr.Row(elem_id=f"sampler_selection_{tab}", elem_classes="aq-sampling"):
        sheet.add("sampler_name", "scheduler", "steps")
    section("sampler")
    if tab in WITH_PICTURE:
        with gr.Row(elem_classes="aq-pair"):
            sheet.add("denoising_strength", "cfg_scale")
        section("denoising")
    hires_note = hires_fix(sheet) if tab == TEXT else None
    with gr.Row(elem_id=f"{tab}_dimensions_row", elem_classes="aq-size"):
        with gr.Column(scale=6, min_width=160, elem_id=f"{tab}_column_size"):
            sheet.add("width", "height")
        with gr.Column(scale=0, min_width=40, elem_classes="aq-size-tools"):
            sheet.tool("swap", "Swap width and height", "swap", f"{tab}_res_switch_btn")
            if tab in WITH_PICTURE:
                sheet.tool("measure", "Take the size of the picture", "ruler", f"{tab}_detect_image_size_btn")
        with gr.Column(scale=4, min_width=140, elem_id=f"{tab}_column_batch"):
            sheet.add("n_iter", "batch_size")
    section("dimensions")
    section("batch")
    with gr.Row(elem_id=f"{tab}_seed_row", elem_classes="aq-seed"):
        sheet.add("cfg_scale")
        with gr.Row(elem_classes="aq-seed-box"):
            sheet.add("seed")
            sheet.tool("random_seed", "A new seed each time", "dice", f"{tab}_random_seed")
            sheet.tool("reuse_seed", "The seed of the picture that is shown", "recycle", f"{tab}_reuse_seed")
    section("cfg")
    section("seed")
    if tab in WITH_PICTURE:
        label = "Resizing and mask" if tab == PAINT else "Resizing"
        fold(sheet, label, "more", ("resize_mode",), ("mask_blur_x",), ("inpainting_mask_invert",))
    if hires_note is not None:
        show_hires_size(sheet, hires_note)
    if tab in WITH_PICTURE:
        over_the_picture(sheet)
    variation(sheet)
    refiner_and_sampling(sheet)
    section("accordions")
    section("checkboxes")
    sheet.add(OVERRIDES)
    section("override_settings")
    mark_folds(sheet)
