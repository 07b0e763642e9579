"""A1111's `modules.ui_settings`: an extension's option as a component of our Settings tab."""

from __future__ import annotations

import inspect
from typing import Any

import gradio as gr

from .options import OptionInfo

BY_TYPE: tuple[tuple[type, type[Any]], ...] = (
    (bool, gr.Checkbox),
    (int, gr.Number),
    (float, gr.Number),
    (str, gr.Textbox),
)
"""The component of an option that names none, by the type of its default; the first that fits counts."""


def get_value_for_setting(key: str) -> Any:
    """A change that shows what the option is now."""
    from .shared_options import opts

    info = opts.data_labels[key]
    return gr.update(value=getattr(opts, key), **arguments(info))


def arguments(info: OptionInfo) -> dict[str, Any]:
    """What the component is made with, asked for when it is made."""
    given = info.component_args
    return dict((given() if callable(given) else given) or {})


def create_setting_component(key: str, is_quicksettings: bool = False) -> Any:
    """The component of an option, in the layout that is being built."""
    from .shared_options import opts

    return make_component(key, opts.data_labels[key], getattr(opts, key, opts.data_labels[key].default))


def make_component(key: str, info: OptionInfo, value: Any) -> Any:
    """The component that an option asks for, else that of its type; its refresh button beside it, its remarks below."""
    kind = info.component or next((made for type, made in BY_TYPE if isinstance(info.default, type)), gr.Textbox)
    given = arguments(info)
    if inspect.isclass(kind) and issubclass(kind, gr.Dropdown):
        given.setdefault("allow_custom_value", True)  # a value that is no choice any more keeps nobody from saving
    remarks = f"{info.comment_before} {info.comment_after}".strip()
    with gr.Column(elem_classes="aq-setting", min_width=0):
        if info.refresh is None:
            component = kind(label=info.label, value=value, elem_id=f"setting_{key}", **given)
        else:
            from .ui_common import create_refresh_button

            with gr.Row():
                component = kind(label=info.label, value=value, elem_id=f"setting_{key}", **given)
                create_refresh_button(component, info.refresh, info.component_args, f"refresh_{key}")
        if remarks:
            gr.HTML(remarks, elem_classes="aq-setting-remark", apply_default_css=False)
    return component


class UiSettings:
    """A1111's builder of its Settings tab. Ours is built from the declarations."""

    submit = None
    result = None
    interface = None
    components: list[Any]
    component_dict: dict[str, Any]

    def __init__(self) -> None:
        self.components, self.component_dict = [], {}
        self.quicksettings_names: dict[str, int] = {}

    def run_settings(self, *args: Any) -> tuple[Any, str]:
        """Sets nothing: the tab does."""
        return gr.update(), ""

    def add_quicksettings(self) -> None:
        """They are made with the page: those that `quicksettings_list` names."""

    def search(self, text: str) -> list[Any]:
        """Nothing: the tab is one page, which the browser searches."""
        return []
