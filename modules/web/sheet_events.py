"""The events of the three generating tabs: what a click or a change of the form does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr

from modules.diffusion.errors import AquatintError
from modules.studio.settings import with_overrides
from modules.web.batch import connect_batch
from modules.web.boxes import blank_for_boxes, without_boxes
from modules.web.field import TEXT
from modules.web.field_rows import QUICK
from modules.web.fields import chosen_checkpoint
from modules.web.generate import fill, generate, native_side, owner_in, planned, remember
from modules.web.hires_again import connect_hires_again
from modules.web.messages import Said, on_event
from modules.web.prompt_notes import PromptNotes
from modules.web.tab_generate import Sheet


def connect_sheet(sheet: Sheet, bridge: Any) -> None:
    """Joins the form with the server; `bridge` carries the events that our own scripts trigger."""
    _connect_generate(sheet)
    _connect_memory(sheet, bridge)
    _connect_browser(sheet)
    _connect_styles(sheet)
    _connect_size(sheet)


def saved_when_changed(widgets: Sequence[Any], *tabs: str) -> None:
    """Any change of the widgets, by hand or not, saves the forms of the tabs a little later. (Gradio's `input` event of
    a text box hears key presses only: no deleting, no pasting.)"""
    gr.on(
        [widget.change for widget in widgets],
        fn=None,
        js=f"() => {json.dumps(tabs)}.forEach(window.aquatint.changed)",
        api_visibility="private",
    )


def _connect_generate(sheet: Sheet) -> None:
    app, form, messages = sheet.page.app, sheet.form, sheet.page.messages

    def on_generate(request: gr.Request, *values: Any) -> list[str]:
        return [generate(app, form, values, owner_in(request))]

    # A stroke of the brush may still be on its way to the server: the newest value is waited for.
    picture = next((index for index, field in enumerate(form.fields) if field.name == "init_images"), -1)
    newest = f"(...values) => window.aquatint.newest('{form.tab}', {picture}, values)"
    on_event(
        sheet.buttons["generate"].click,
        on_generate,
        messages,
        inputs=sheet.inputs,
        outputs=[sheet.results],
        js=newest,
        trigger_mode="multiple",
    )
    if form.tab == TEXT:
        connect_hires_again(sheet.page, form, sheet.results, sheet.inputs)
    if sheet.batch is not None:
        connect_batch(sheet.page, form, sheet.batch, sheet.inputs, newest)
    if sheet.folder is not None:
        sheet.folder.connect(sheet.inputs, sheet.results, newest)


def _connect_memory(sheet: Sheet, bridge: Any) -> None:
    app, form, tokens, messages = sheet.page.app, sheet.form, sheet.page.tokens, sheet.page.messages
    notes = PromptNotes(app, tokens)
    prompt, negative, steps, chosen = (
        sheet.inputs.index(sheet.widgets[name])
        for name in ("prompt", "negative_prompt", "steps", "sd_model_checkpoint")
    )

    def on_remember(request: gr.Request, *values: Any) -> list[Any]:
        owner = owner_in(request)
        remember(app, form, values, owner)
        own, wanted = app.own_options.of(owner), max(1, min(1000, int(values[steps] or 1)))
        checkpoint = chosen_checkpoint(app, values[chosen] or "")
        widths = checkpoint.text_widths if checkpoint is not None else ()
        counts = [
            tokens.count(values[prompt] or "", own, wanted, widths=widths),
            tokens.count(values[negative] or "", own, wanted, negative=True, widths=widths),
        ]
        try:
            asked = form.read(values)
            options = with_overrides(own, asked.override_settings)
        except AquatintError:  # said when it is asked for
            return [*counts, *("" for _ in sheet.notes), ""]
        told = notes.all(asked, options, checkpoint)
        return [*counts, *told, planned(app, asked, owner, own)]

    def on_fill(asked: gr.EventData, request: gr.Request) -> Said:
        return fill(app, form, asked._data, owner_in(request))

    on_event(
        getattr(bridge, f"remember_{form.tab}"),
        on_remember,
        messages,
        inputs=blank_for_boxes(sheet.inputs),
        outputs=[*sheet.counters, *sheet.notes, sheet.plan],
        trigger_mode="always_last",
    )
    on_event(getattr(bridge, f"fill_{form.tab}"), on_fill, messages, outputs=sheet.inputs, trigger_mode="multiple")
    saved_when_changed(without_boxes(sheet.inputs[len(QUICK) :]), form.tab)


def _connect_browser(sheet: Sheet) -> None:
    """What happens in the browser alone."""
    tab, buttons, widgets = sheet.form.tab, sheet.buttons, sheet.widgets
    local = {"fn": None, "api_visibility": "private"}
    for name in ("interrupt", "skip"):
        buttons[name].click(js=f"() => window.aquatint.tell('{tab}', '{name}')", **local)
    buttons["paste"].click(js=f"() => window.aquatint.paste('{tab}')", **local)
    buttons["clear"].click(
        js="() => ['', '']",
        outputs=[widgets["prompt"], widgets["negative_prompt"]],
        **local,
    )
    buttons["cards"].click(js=f"() => window.aquatint.toggleCards('{tab}')", **local)
    buttons["style_edit"].click(js=f"() => window.aquatint.toggleStyles('{tab}')", **local)
    buttons["random_seed"].click(js="() => -1", outputs=[widgets["seed"]], **local)
    buttons["reuse_seed"].click(
        js=f"seed => window.aquatint.shownSeed('{tab}', seed)",
        inputs=[widgets["seed"]],
        outputs=[widgets["seed"]],
        **local,
    )
    size = [widgets["width"], widgets["height"]]
    buttons["swap"].click(
        js="(width, height) => [height, width]",
        inputs=size,
        outputs=size,
        **local,
    )
    if "measure" in buttons:
        buttons["measure"].click(
            js="(...values) => window.aquatint.pictureSize(...values)",
            inputs=[widgets["init_images"], *size],
            outputs=size,
            **local,
        )


def _connect_styles(sheet: Sheet) -> None:
    styles, messages = sheet.page.app.styles, sheet.page.messages
    buttons, widgets = sheet.buttons, sheet.widgets
    prompts = [widgets["prompt"], widgets["negative_prompt"]]
    chosen = widgets["styles"]

    def on_apply(prompt: str, negative: str, names: list[str]) -> list[Any]:
        return [*styles.apply(prompt, negative, names), []]

    def on_save(name: str, prompt: str, negative: str) -> Said:
        styles.save(name, prompt, negative)
        return Said([gr.update(choices=styles.names())], f"The style {name} is saved.", "good")

    def on_delete(name: str) -> Said:
        found = styles.delete(name)
        said = f"The style {name} is deleted." if found else f"There is no style called {name}."
        return Said([gr.update(choices=styles.names(), value=[])], said, "good" if found else "problem")

    on_event(buttons["style_apply"].click, on_apply, messages, inputs=[*prompts, chosen], outputs=[*prompts, chosen])
    on_event(buttons["style_save"].click, on_save, messages, inputs=[sheet.style_name, *prompts], outputs=[chosen])
    on_event(buttons["style_delete"].click, on_delete, messages, inputs=[sheet.style_name], outputs=[chosen])


def _connect_size(sheet: Sheet) -> None:
    """The size follows the checkpoint until the person changes it."""
    app, messages, widgets = sheet.page.app, sheet.page.messages, sheet.widgets
    size = [widgets["width"], widgets["height"]]

    def on_checkpoint(checkpoint: str | None, width: int, height: int) -> list[Any]:
        side = native_side(app, checkpoint or "", width, height)
        return [gr.skip(), gr.skip()] if side is None else [side, side]

    checkpoint = widgets["sd_model_checkpoint"]
    on_event(checkpoint.input, on_checkpoint, messages, inputs=[checkpoint, *size], outputs=size)
