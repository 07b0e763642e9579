"""Scripts in the three tabs: their controls in the form, and what becomes of their values."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from modules.web.boxes import BOXES

from .frozen_values import frozen
from .gradio_words.keywords import UNSEEN
from .page_building import PageBuilding
from .page_cards import draw_pages
from .script_runner import ScriptRunner
from .sending import as_target

NONE = "None"
"""The choice of no script."""
NOT_RECALLED = (gr.State, gr.HTML, gr.Button, *BOXES)
"""What begins anew on each visit."""


class ScriptControls:
    """A part of the forms; img2img and inpaint have the same scripts, each with controls of its own."""

    name = "scripts"

    def __init__(self, building: PageBuilding) -> None:
        scripts = importlib.import_module("modules.scripts")
        self._building = building
        self._runners = {
            "txt2img": scripts.scripts_txt2img,
            "img2img": scripts.scripts_img2img,
            "inpaint": _runner_of_inpaint(),
        }
        self._sections: set[str] = set()
        self._pasted: dict[str, list[Any]] = {}

    def opens(self, tab: str) -> None:
        runner = self._runners[tab]
        runner.prepare_ui()
        self._sections = set()
        self._building.opens(tab, runner)

    def section(self, tab: str, name: str) -> None:
        self._sections.add(name)
        runner = self._runners[tab]
        if any(script.section == name for script in runner.alwayson_scripts):
            runner.setup_ui_for_section(name)

    def build(self, tab: str) -> None:
        runner = self._runners[tab]
        for name in dict.fromkeys(script.section for script in runner.alwayson_scripts):
            if name is not None and name not in self._sections:
                runner.setup_ui_for_section(name)
        inputs = runner.setup_ui()
        for script in runner.scripts:
            group = script.group
            if group is not None and not group.children:
                group.visible = False
        _connect_choice(runner, inputs[0])
        draw_pages(tab)

    def closes(self, tab: str) -> None:
        runner = self._runners[tab]
        others = [field[0] for field in runner.infotext_fields]
        known = list(runner.inputs)
        self._pasted[tab] = []
        for component in others:
            if isinstance(component, gr.components.Component) and not any(component is each for each in known):
                known.append(component)
                self._pasted[tab].append(component)
        pasting = importlib.import_module("modules.infotext_utils")
        pasting.paste_fields[tab] = as_target(self._building.built, runner.infotext_fields)
        self._building.closes()

    def components(self, tab: str) -> list[Any]:
        return [*self._runners[tab].inputs, *self._pasted.get(tab, ())]

    def read(self, tab: str, values: Sequence[Any], owner: str) -> dict[str, Any]:
        runner = self._runners[tab]
        chosen = _chosen(runner, values[0])
        always = {
            script.title(): _frozen_args(script, runner, values, owner)
            for script in runner.alwayson_scripts
            if script.args_to
        }
        found: dict[str, Any] = {"alwayson_scripts": {title: args for title, args in always.items() if args}}
        if chosen is not None:
            args = _frozen_args(chosen, runner, values, owner)
            found |= {"script_name": chosen.title(), "script_args": args}
        return found

    def remembered(self, tab: str, values: Sequence[Any]) -> Any:
        runner = self._runners[tab]
        chosen = _chosen(runner, values[0])
        kept = {
            script.title(): [_plain(value, control) for value, control in _own_values(script, runner, values)]
            for script in runner.scripts
        }
        return {"script": NONE if chosen is None else chosen.title(), "values": kept}

    def recalled(self, tab: str, kept: Any) -> list[Any]:
        runner = self._runners[tab]
        known = kept if isinstance(kept, dict) else {}
        values = known["values"] if isinstance(known.get("values"), dict) else {}
        script = known.get("script")
        updates: list[Any] = [gr.skip() for _ in self.components(tab)]
        updates[0] = gr.update(value=script if script in runner.titles else NONE)
        for each in runner.scripts:
            own = values.get(each.title())
            if isinstance(own, list) and len(own) == (each.args_to or 0) - (each.args_from or 0):
                for place, value in enumerate(own, each.args_from or 0):
                    updates[place] = _shown(runner.inputs[place], value)
        return updates

    def filled(self, tab: str, infotext: str) -> list[Any]:
        runner = self._runners[tab]
        components = self.components(tab)
        updates: list[Any] = [gr.skip() for _ in components]
        entries = importlib.import_module("modules.infotext_utils").parse_generation_parameters(infotext)
        importlib.import_module("modules.script_callbacks").infotext_pasted_callback(infotext, entries)
        if runner.titles:
            updates[0] = gr.update(value=entries.get("Script", NONE))
        for field in runner.infotext_fields:
            place = next((number for number, each in enumerate(components) if each is field[0]), None)
            if place is not None:
                updates[place] = _pasted(field[0], field[1], entries)
        return updates


def _runner_of_inpaint() -> ScriptRunner:
    """Scripts count on being made twice, for txt2img and for img2img: what they register the third time they have
    registered already."""
    runner = ScriptRunner()
    with importlib.import_module("modules.script_callbacks").kept_as_they_are():
        runner.initialize_scripts(is_img2img=True)
    for script in runner.scripts:
        script.tabname = "inpaint"
    return runner


def _connect_choice(runner: ScriptRunner, choice: Any) -> None:
    """The controls of the chosen script are seen, those of the others not. By a class: what Gradio draws for the first
    time it shows whole, with what shall not be seen in it."""
    groups = [script.group for script in runner.selectable_scripts]
    if not runner.titles:
        choice.visible = "hidden"
        return

    def on_choice(index: int | None) -> Any:
        seen = [(index or 0) == place for place in range(1, len(groups) + 1)]
        updates = [gr.update(elem_classes=[] if chosen else [UNSEEN]) for chosen in seen]
        return updates if len(updates) > 1 else updates[0]

    choice.change(
        on_choice, inputs=[choice], outputs=groups, queue=False, show_progress="hidden", api_visibility="private"
    )


def _chosen(runner: ScriptRunner, index: Any) -> Any:
    scripts = runner.selectable_scripts
    return scripts[index - 1] if isinstance(index, int) and 0 < index <= len(scripts) else None


def _own_values(script: Any, runner: ScriptRunner, values: Sequence[Any]) -> list[tuple[Any, Any]]:
    """A script's values, each with its control."""
    own = slice(script.args_from, script.args_to)
    return list(zip(values[own], runner.inputs[own], strict=True))


def _frozen_args(script: Any, runner: ScriptRunner, values: Sequence[Any], owner: str) -> tuple[Any, ...]:
    folder = Path(get_upload_folder())
    return tuple(
        frozen(value, owner, folder if isinstance(control, BOXES) else None)
        for value, control in _own_values(script, runner, values)
    )


def _plain(value: Any, control: Any) -> Any:
    """[value] if JSON can say it, [] if not: pictures and files are not kept."""
    if isinstance(control, BOXES):
        return []
    if value is None or isinstance(value, str | bool | int | float):
        return [value]
    if isinstance(value, list) and all(isinstance(each, str | bool | int | float) for each in value):
        return [value]
    return []


def _shown(control: Any, kept: Any) -> Any:
    """An update that shows what was kept of a control; one whose value is nobody's to see keeps its beginning."""
    left_out = isinstance(control, NOT_RECALLED) or getattr(control, "do_not_save_to_config", False)
    if left_out or not isinstance(kept, list) or len(kept) != 1:
        return gr.skip()
    value = kept[0]
    choices = getattr(control, "choices", None)
    if choices is not None and getattr(control, "type", None) == "index":
        labels = [choice[1] if isinstance(choice, tuple | list) else choice for choice in choices]
        value = labels[value] if isinstance(value, int) and 0 <= value < len(labels) else None
    return gr.update(value=value)


def _pasted(control: Any, key: Any, entries: dict[str, Any]) -> Any:
    """As A1111 fills a control: by the entry's name, or by a function of all entries."""
    value = key(entries) if callable(key) else entries.get(key)
    if value is None:
        return gr.skip()
    if isinstance(value, dict) and value.get("__type__") == "update":
        return value
    kind: Any = type(getattr(control, "value", None))
    try:
        if kind is bool:
            value = str(value) != "False"
        elif kind is int:
            value = float(value)
        elif kind in (float, str):
            value = kind(value)
    except (TypeError, ValueError):
        return gr.skip()
    return gr.update(value=value)
