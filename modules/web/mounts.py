"""The places of the page that our own scripts draw: results, pictures, gallery, queue."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from modules.web.assets_route import Assets


def mount(
    assets: Assets,
    module: str,
    *,
    events: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    **component: Any,
) -> Any:
    """A gr.HTML that is drawn by `assets/<module>.js`.

    The module exports `mount(element, {props, trigger, ...options})` and may return `{update(value)}`, which is called
    when an event of the server changes the component's value. The template never contains a value, so nothing that a
    person wrote is ever read as HTML; the scripts set text only.
    `events` are the names that the module triggers: Gradio knows a custom event by finding its name in the script.
    `options` are constants. They are not props of the component, because Gradio forgets those in an update that says
    nothing of them.
    """
    script = f"""
        const address = new URL('{assets.address(module + ".js")}', document.baseURI).href;
        const events = {json.dumps(events)};
        const given = {{ ...{json.dumps(dict(options or {}))}, props, trigger }};
        const view = import(address).then(module => module.mount(element, given));
        view.catch(error => console.error('{module}:', error));
        watch('value', () => view.then(view => view?.update?.(props.value)));
    """
    return gr.HTML(
        html_template="<div></div>",
        js_on_load=script,
        apply_default_css=False,
        container=False,
        padding=False,
        **component,
    )
