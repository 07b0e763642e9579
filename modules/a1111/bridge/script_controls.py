"""The controls of scripts: made where the page is being built, and what the HTTP API says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .containment import containment
from .gradio_words.keywords import UNSEEN
from .loaded import loaded
from .script import Script

if TYPE_CHECKING:
    from .script_runner import ScriptRunner


def make(runner: ScriptRunner, script: Script) -> None:
    """A script's controls, at the end of the runner's inputs. One whose `ui` fails takes no part in jobs."""
    script.args_from = script.args_to = len(runner.inputs)
    made, script.lacks_ui = None, True
    with containment.guard(loaded.extension_of(script.filename or ""), "ui"):
        made = script.ui(script.is_img2img)
        script.lacks_ui = False
    controls = [] if made is None else list(made) if isinstance(made, list | tuple) else [made]
    for control in controls:
        control.custom_script_source = (script.filename or "").replace("\\", "/").rpartition("/")[2]
    script.controls = controls
    script.api_info = {
        "name": script.name,
        "is_img2img": script.is_img2img,
        "is_alwayson": script.alwayson,
        "args": [_described(control) for control in controls],
    }
    runner.infotext_fields += script.infotext_fields or []
    runner.paste_field_names += script.paste_field_names or []
    runner.inputs += controls
    script.args_to = len(runner.inputs)


def _described(control: Any) -> dict[str, Any]:
    """A control as A1111's /sdapi/v1/script-info has it."""
    names = ("minimum", "maximum", "step")
    choices = getattr(control, "choices", None)
    plain = [choice[1] if isinstance(choice, tuple | list) else choice for choice in choices or ()]
    value = getattr(control, "value", None)
    return {
        "label": getattr(control, "label", None) or "",
        "value": value if isinstance(value, str | int | float | bool | list | dict) else None,
        **{name: getattr(control, name, None) for name in names},
        "choices": plain or None,
    }


def make_section(runner: ScriptRunner, section: str | None, scripts: Sequence[Script] | None = None) -> None:
    """The controls of the scripts of a section, those that are always there."""
    import gradio as gr

    for script in runner.alwayson_scripts if scripts is None else scripts:
        if script.alwayson and script.section != section:
            continue
        if not script.create_group:
            make(runner, script)
            continue
        with gr.Group(elem_classes=[] if script.alwayson else [UNSEEN]) as group:
            make(runner, script)
        script.group = group


def require(runner: ScriptRunner) -> None:
    """The controls, where no page has made them: without a page their values still say what the defaults are."""
    if all(script.args_from is not None for script in runner.scripts):
        return
    import gradio as gr

    with gr.Blocks():
        runner.prepare_ui()
        for script in runner.scripts:
            make(runner, script)


def make_all(runner: ScriptRunner) -> list[Any]:
    """All that no section has: those that are always there, the list of the others, and theirs, hidden."""
    import gradio as gr

    make_section(runner, None)
    runner.inputs[0] = gr.Dropdown(
        label="Script", elem_id="script_list", choices=["None", *runner.titles], value="None", type="index"
    )
    make_section(runner, None, runner.selectable_scripts)
    return runner.inputs
