"""A1111's `modules.options`: options that extensions declare, and all of them as attributes of one object."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from modules.diffusion.errors import AquatintError
from modules.studio.declared import Declared

from . import errors
from .bridge.host import host
from .bridge.opts import Data, Labels, read_option, write_option


class OptionInfo:
    """An option as an extension declares it; what is added to it by `.info(...)` and the like is shown beside it."""

    def __init__(
        self,
        default: Any = None,
        label: str = "",
        component: Any = None,
        component_args: Any = None,
        onchange: Callable[[], Any] | None = None,
        section: tuple[str, ...] | None = None,
        refresh: Callable[[], Any] | None = None,
        comment_before: str = "",
        comment_after: str = "",
        infotext: str | None = None,
        restrict_api: bool = False,
        category_id: str | None = None,
    ) -> None:
        self.default, self.label = default, label
        self.component, self.component_args = component, component_args
        self.onchange, self.refresh = onchange, refresh
        self.section, self.category_id = section, category_id
        self.comment_before, self.comment_after = comment_before, comment_after
        self.infotext, self.restrict_api = infotext, restrict_api
        self.do_not_save = False

    def link(self, label: str, url: str) -> OptionInfo:
        """A link behind the label."""
        self.comment_before += f'[<a href="{url}" target="_blank" rel="noopener">{label}</a>]'
        return self

    def js(self, label: str, js_func: str) -> OptionInfo:
        """A word behind the label that calls a function of the page."""
        self.comment_before += f'[<a onclick="{js_func}(); return false">{label}</a>]'
        return self

    def info(self, info: str) -> OptionInfo:
        """A remark."""
        self.comment_after += f'<span class="info">({info})</span>'
        return self

    def html(self, html: str) -> OptionInfo:
        """A remark with marks of its own."""
        self.comment_after += html
        return self

    def needs_restart(self) -> OptionInfo:
        """Says so."""
        self.comment_after += ' <span class="info">(requires restart)</span>'
        return self

    def needs_reload_ui(self) -> OptionInfo:
        """Says so."""
        self.comment_after += ' <span class="info">(requires Reload UI)</span>'
        return self


class OptionHTML(OptionInfo):
    """A text between options."""

    def __init__(self, text: str) -> None:
        super().__init__(str(text).strip(), label="", component=_html)
        self.do_not_save = True


def _html(**kwargs: Any) -> Any:
    import gradio as gr

    return gr.HTML(elem_classes="settings-info", **{k: v for k, v in kwargs.items() if k in ("value", "elem_id")})


class OptionDiv(OptionInfo):
    """A line between options."""

    def __init__(self) -> None:
        super().__init__("<hr>", label="", component=_html)
        self.do_not_save = True


class OptionsCategory:
    """A heading over sections."""

    def __init__(self, id: str, label: str) -> None:
        self.id, self.label = id, label


class OptionsCategories:
    """The headings that there are."""

    def __init__(self) -> None:
        self.mapping: dict[str, OptionsCategory] = {}

    def register_category(self, category_id: str, label: str) -> str:
        """A heading of that name, from now on."""
        self.mapping[category_id] = OptionsCategory(category_id, label)
        return category_id


categories = OptionsCategories()


def options_section(section_identifier: tuple[str, ...], options_dict: Mapping[str, OptionInfo]) -> dict[str, Any]:
    """The options, told that they belong to the section (name, title[, category])."""
    for info in options_dict.values():
        info.section = section_identifier[:2]
        info.category_id = section_identifier[2] if len(section_identifier) > 2 else info.category_id
    return dict(options_dict)


class Options:
    """Every option as an attribute: inside a job those that it was submitted with, elsewhere the server's.

    What a job's own thread assigns holds for that job; what is assigned elsewhere is the server's setting.
    """

    typemap: ClassVar[dict[type, type]] = {int: float}
    """Kinds that are kept as others."""

    def __init__(self, data_labels: Mapping[str, OptionInfo] | None = None, restricted_opts: Any = ()) -> None:
        self.__dict__["data"] = Data()
        self.__dict__["data_labels"] = Labels(OptionInfo, dict(data_labels or {}))
        self.__dict__["restricted_opts"] = restricted_opts
        self.__dict__["_watches"] = {}

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        try:
            return read_option(key)
        except KeyError:
            info = self.data_labels.get(key)
            if info is not None:
                return info.default
            raise AttributeError(f"There is no option called {key!r:.80}.") from None

    def __setattr__(self, key: str, value: Any) -> None:
        info = self.data_labels.get(key)
        if info is not None and info.do_not_save:
            return
        write_option(key, value)

    def set(self, key: str, value: Any, is_api: bool = False, run_callbacks: bool = True) -> bool:
        """Sets an option; False when it had that value before, or cannot have it."""
        info = self.data_labels.get(key)
        if info is None or info.do_not_save or (is_api and info.restrict_api) or getattr(self, key) == value:
            return False
        try:
            write_option(key, value)
        except AquatintError as error:
            errors.display(error, f"setting {key} to {value}")
            return False
        return True

    def get_default(self, key: str) -> Any:
        """What it is when nobody has set it."""
        info = self.data_labels.get(key)
        return None if info is None else info.default

    def add_option(self, key: str, info: OptionInfo) -> None:
        """Declares an option: from now on it is read, kept, and shown in its section."""
        self.data_labels[key] = info
        section, title = (*(info.section or ("other", "Other")), "")[:2]
        row = Declared(
            name=key,
            default=info.default,
            label=info.label,
            section=section,
            title=title or section,
            make=partial(_component, key, info),
            kept=not info.do_not_save,
            infotext=info.infotext or "",
        )
        host.app.settings.declare(row)
        if info.onchange is not None and not info.do_not_save:
            self.onchange(key, info.onchange, call=False)

    def onchange(self, key: str, func: Callable[[], Any], call: bool = True) -> None:
        """Calls `func` when the option has changed, and once now if `call`."""
        if key not in self._watches and host.is_bound:
            watchers = host.app.settings.watchers
            if self._heed not in watchers:
                watchers.append(self._heed)
        self._watches.setdefault(key, []).append(func)
        info = self.data_labels.get(key)
        if info is not None:
            info.onchange = func
        if call:
            func()

    def _heed(self, changed: Any) -> None:
        for key in self._watches.keys() & set(changed):
            for func in self._watches[key]:
                errors.run(func, f"changing setting {key}")

    def save(self, filename: Any = None) -> None:
        """Everything is saved when it is set; keys of nobody are saved now."""
        self.data.save()

    def load(self, filename: Any = None) -> None:
        """Read at the start."""

    def same_type(self, x: Any, y: Any) -> bool:
        """Whether two values are of one type, or one is None."""
        return x is None or y is None or type(x) is type(y)

    def cast_value(self, key: str, value: Any) -> Any:
        """A text in the type of the option's default."""
        default = self.get_default(key)
        if value is None or default is None:
            return None if value is None else value
        if isinstance(default, bool):
            return str(value).casefold() not in ("false", "0", "", "none", "no")
        return type(default)(value) if isinstance(default, int | float | str) else value

    def dumpjson(self) -> str:
        """Every option as JSON, with the comments that the page's scripts show."""
        told = {key: self.data.get(key, info.default) for key, info in self.data_labels.items()}
        told["_comments_before"] = {k: v.comment_before for k, v in self.data_labels.items() if v.comment_before}
        told["_comments_after"] = {k: v.comment_after for k, v in self.data_labels.items() if v.comment_after}
        told["_categories"] = {each.label: [] for each in categories.mapping.values()}
        return json.dumps(told, default=str)

    def reorder(self) -> None:
        """The Settings tab has its own order."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.data_labels)


def _component(key: str, info: OptionInfo, value: Any) -> Any:
    from .ui_settings import make_component

    return make_component(key, info, value)
