"""The places of the page that our own scripts draw: results, pictures, gallery, queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from modules.web.assets_route import Assets


def mount(assets: Assets, module: str, *, events: Sequence[str] = (), **props: Any) -> Any:
    """A gr.HTML that is drawn by `assets/<module>.js`.

    The module exports `mount(element, props, trigger)` and may return `{update(value)}`, which is called when an
    event of the server changes the component's value. The template never contains a value, so nothing that a person
    wrote is ever read as HTML; the scripts set text only.
    `events` are the names that the module triggers: Gradio knows a custom event by finding its name in the script.
    """
    script = f"""
        const address = new URL('{assets.address(module + ".js")}', document.baseURI).href;
        const view = import(address).then(module => module.mount(element, props, trigger));
        view.catch(error => console.error('{module}:', error));
        watch('value', () => view.then(view => view?.update?.(props.value)));
        const events = {list(events)!r};
    """
    return gr.HTML(
        html_template="<div></div>",
        js_on_load=script,
        apply_default_css=False,
        container=False,
        padding=False,
        **props,
    )
