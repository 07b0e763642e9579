"""A1111's `modules.ui_components`: Gradio's components in the shapes that its page has."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

import gradio as gr
from gradio.component_meta import ComponentMeta


class Quiet(ComponentMeta):  # type: ignore[misc]
    """Gradio's kind of class, which writes a .pyi beside the source of each new one. These bring no events of their
    own, so that there is nothing to write."""

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any], **kwargs: Any) -> Any:
        if "EVENTS" in attrs:
            return super().__new__(cls, name, bases, attrs, **kwargs)
        return ABCMeta.__new__(cls, name, bases, attrs, **kwargs)


class FormComponent:
    """What may stand in a form."""

    def get_expected_parent(self) -> Any:
        """A1111's form, a frame around what stands together; here each component has its own."""
        return None


class ToolButton(FormComponent, gr.Button, metaclass=Quiet):  # type: ignore[misc]
    """A small button with one sign on it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.webui_tooltip = kwargs.pop("tooltip", None)
        classes = _classes(kwargs.pop("elem_classes", None))
        given = {"min_width": 0, "scale": 0, "size": "sm", **kwargs}
        if given.get("variant") == "tool":
            given["variant"] = "secondary"
        super().__init__(*args, elem_classes=["tool", *classes], **given)

    def get_block_name(self) -> str:
        return "button"


class ResizeHandleRow(gr.Row, metaclass=Quiet):  # type: ignore[misc]
    """A row whose columns can be dragged, where the page can do it."""

    def __init__(self, **kwargs: Any) -> None:
        classes = _classes(kwargs.pop("elem_classes", None))
        super().__init__(elem_classes=["resize-handle-row", *classes], **kwargs)

    def get_block_name(self) -> str:
        return "row"


class FormRow(FormComponent, gr.Row, metaclass=Quiet):  # type: ignore[misc]
    """A row in a form."""

    def get_block_name(self) -> str:
        return "row"


class FormColumn(FormComponent, gr.Column, metaclass=Quiet):  # type: ignore[misc]
    """A column in a form."""

    def get_block_name(self) -> str:
        return "column"


class FormGroup(FormComponent, gr.Group, metaclass=Quiet):  # type: ignore[misc]
    """A group in a form."""

    def get_block_name(self) -> str:
        return "group"


class FormHTML(FormComponent, gr.HTML, metaclass=Quiet):  # type: ignore[misc]
    """A piece of HTML in a form."""

    def get_block_name(self) -> str:
        return "html"


class FormColorPicker(FormComponent, gr.ColorPicker, metaclass=Quiet):  # type: ignore[misc]
    """A color in a form."""

    def get_block_name(self) -> str:
        return "colorpicker"


class DropdownMulti(FormComponent, gr.Dropdown, metaclass=Quiet):  # type: ignore[misc]
    """Several of a list."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("multiselect", True)
        super().__init__(**kwargs)

    def get_block_name(self) -> str:
        return "dropdown"


class DropdownEditable(FormComponent, gr.Dropdown, metaclass=Quiet):  # type: ignore[misc]
    """One of a list, or something else."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("allow_custom_value", True)
        super().__init__(**kwargs)

    def get_block_name(self) -> str:
        return "dropdown"


class InputAccordion(gr.Checkbox, metaclass=Quiet):  # type: ignore[misc]
    """A checkbox that is the head of a drawer: `with InputAccordion(False, label="X") as enabled:`. Its value says
    whether the feature is on, and the drawer opens and closes with it."""

    global_index = 0

    def __init__(self, value: bool, **kwargs: Any) -> None:
        kwargs.pop("accordion_id", None)
        self.accordion_id = kwargs.get("elem_id") or f"input-accordion-{InputAccordion.global_index}"
        InputAccordion.global_index += 1
        label = kwargs.pop("label", "")
        named = {"elem_id": f"{self.accordion_id}-checkbox", "elem_classes": ["input-accordion-checkbox"]}
        visible = kwargs.pop("visible", True)
        super().__init__(value, **{**kwargs, **named, "label": label, "visible": visible})
        self.accordion = gr.Accordion(
            label, open=bool(value), elem_id=self.accordion_id, elem_classes=["input-accordion"], visible=visible
        )
        self.change(fn=lambda on: gr.Accordion(open=bool(on)), inputs=[self], outputs=[self.accordion], queue=False)

    def extra(self) -> Any:
        """Where further components of the drawer's head go."""
        return gr.Column(elem_id=f"{self.accordion_id}-extra", elem_classes=["input-accordion-extra"], min_width=0)

    def __enter__(self) -> InputAccordion:
        self.accordion.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.accordion.__exit__(*error)

    def get_block_name(self) -> str:
        return "checkbox"


def _classes(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given or [])
