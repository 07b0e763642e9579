"""Folders of the server's machine on the page: who may name one, and the part of a form that works through one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

import gradio as gr

from modules.studio.command_line import Flags
from modules.studio.request import MASK, PICTURE, FolderBatch, PngInfo, RequestError, read_request
from modules.web.field import PAINT
from modules.web.fields import Form
from modules.web.generate import owner_in, remember
from modules.web.messages import on_event
from modules.web.slots import Page, Visit

KIND = FolderBatch.kind
ON_THE_MACHINE = "On the server's machine."


def may_name_folders(flags: Flags) -> bool:
    """Whether whoever sees the page may read the machine's folders: it is their own, since nobody else gets in."""
    return not (flags.gradio_auth or flags.gradio_auth_path or flags.insecure_no_login)


def folder_box(label: str, elem_id: str, info: str, placeholder: str = "/home/me/pictures") -> Any:
    """A line for the path of a folder."""
    return gr.Textbox(label=label, placeholder=placeholder, info=info, max_lines=1, elem_id=elem_id)


class FolderForm:
    """The closed part of img2img's or inpaint's form that paints over all pictures of a folder. The ids are A1111's."""

    def __init__(self, page: Page, form: Form) -> None:
        self.page, self.form = page, form
        self.widgets: dict[str, Any] = {}
        self.button: Any = None

    def build(self) -> None:
        """Makes the components in the present layout."""
        tab = self.form.tab
        with gr.Accordion("All pictures of a folder", open=False, elem_id=f"{tab}_folder"):
            with gr.Row():
                told = f"{ON_THE_MACHINE} Each of its pictures is painted over with the form as it is."
                self._place("input_dir", lambda id: folder_box("Folder", id, told))
                told = "For the results, under their pictures' names. Blank: among the other pictures of img2img."
                self._place("output_dir", lambda id: folder_box("Folder for the results", id, told, "/home/me/painted"))
            if tab == PAINT:
                told = "By equal names, or one for all. Blank: what is painted above."
                self._place("inpaint_mask_dir", lambda id: folder_box("Folder of masks", id, told, "/home/me/masks"))
            self._place("leave_out_done", _leave_out)
            self._place("png_info_props", _taken)
            told = "Where the pictures with the parameters are, if not in the folder itself."
            self._place("png_info_dir", lambda id: folder_box("Folder for parameters", id, told, "/home/me/originals"))
            self.button = gr.Button("Generate for the folder", elem_id=f"{tab}_batch_generate", variant="primary")

    def _place(self, name: str, make: Callable[[str], Any]) -> None:
        elem_id = f"{self.form.tab}_batch_{name}"
        self.widgets[name] = self.page.slots.place(elem_id, lambda: make(elem_id))

    def connect(self, inputs: Sequence[Any], results: Any, newest: str) -> None:
        """Joins the button with the server; `inputs` are the form's, `newest` waits for the brush's last stroke."""
        own = list(self.widgets.values())

        def on_generate(request: gr.Request, *values: Any) -> list[str]:
            return [self.submit(values[: len(inputs)], values[len(inputs) :], owner_in(request))]

        on_event(
            self.button.click,
            on_generate,
            self.page.messages,
            inputs=[*inputs, *own],
            outputs=[results],
            js=newest,
            trigger_mode="multiple",
        )
        self.page.visits.append(Visit(own, lambda visitor: self.recall(visitor.name)))

    def submit(self, values: Sequence[Any], folders: Sequence[Any], owner: str) -> str:
        """Queues the folder's job and returns its id; `values` are the form's. Raises: AquatintError in words."""
        app, form = self.page.app, self.form
        remember(app, form, values, owner)
        told = dict(zip(self.widgets, folders, strict=True))
        app.forms.save(owner, f"{form.tab} {KIND}", told)
        told = {name: value.strip() if isinstance(value, str) else value for name, value in told.items()}
        if not told["input_dir"]:
            raise RequestError("Name the folder with the pictures first.", "input_dir")
        each = self._each(values, bool(told.get("inpaint_mask_dir")), owner)
        return app.engine.submit(read_request(KIND, {**told, "each_kind": form.tab, "each": each}), owner).id

    def _each(self, values: Sequence[Any], has_masks: bool, owner: str) -> dict[str, Any]:
        """What the form asks of each picture."""
        place = next(index for index, field in enumerate(self.form.fields) if field.name == "init_images")
        painted = values[place].get("mask") if isinstance(values[place], dict) else None
        if self.form.tab == PAINT and not (has_masks or painted):
            raise RequestError("Paint a mask above, or name a folder of masks.", "inpaint_mask_dir")
        chosen = {"id": PICTURE, "mask": MASK if has_masks else painted}
        changed = [chosen if index == place else value for index, value in enumerate(values)]
        return self.form.read(changed, owner).model_dump(mode="json")

    def recall(self, owner: str) -> list[Any]:
        """What the owner left in the widgets."""
        saved = self.page.app.forms.load(owner, f"{self.form.tab} {KIND}")
        usual: dict[str, Any] = {"leave_out_done": True, "png_info_props": []}
        return [saved.get(name, usual.get(name, "")) for name in self.widgets]


def folder_form(page: Page, form: Form) -> FolderForm | None:
    """The part of the form, made in the present layout, where folders may be named."""
    if not may_name_folders(page.app.flags):
        return None
    made = FolderForm(page, form)
    made.build()
    return made


def _leave_out(elem_id: str) -> Any:
    label = "Leave out pictures whose results are there already"
    return gr.Checkbox(label=label, value=True, elem_id=elem_id)


def _taken(elem_id: str) -> Any:
    info = "Its words come after those of the form."
    label = "Take from each picture's parameters"
    return gr.CheckboxGroup(list(get_args(PngInfo)), label=label, info=info, elem_id=elem_id)
