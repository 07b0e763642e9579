"""A1111's callbacks: functions that extensions register for moments of the program's life, and what calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from . import errors
from .bridge.callback_params import (
    AfterCFGCallbackParams,
    BeforeTokenCounterParams,
    CFGDenoisedParams,
    CFGDenoiserParams,
    ExtraNoiseParams,
    ImageGridLoopParams,
    ImageSaveParams,
    UiTrainTabParams,
)
from .bridge.containment import containment
from .bridge.found import calling_file
from .bridge.loaded import loaded
from .bridge.undo import kept

__all__ = [
    "AfterCFGCallbackParams",
    "BeforeTokenCounterParams",
    "CFGDenoisedParams",
    "CFGDenoiserParams",
    "ExtraNoiseParams",
    "ImageGridLoopParams",
    "ImageSaveParams",
    "UiTrainTabParams",
]

Callback = Callable[..., Any]

MOMENTS = (
    *("app_started", "before_reload", "model_loaded", "ui_tabs", "ui_train_tabs"),
    *("ui_settings", "before_image_saved", "image_saved", "extra_noise", "cfg_denoiser"),
    *("cfg_denoised", "cfg_after_cfg", "before_component", "after_component", "image_grid"),
    *("infotext_pasted", "script_unloaded", "before_ui", "list_optimizers", "list_unets"),
    *("before_token_counter",),
)
IN_REVERSE = ("script_unloaded", "before_reload")
"""Moments of taking down: the last to come is the first to go."""


@dataclass
class ScriptCallback:
    """One registered function."""

    script: str
    """The file that registered it."""
    callback: Callback
    name: str = "unnamed"
    """`extension/file/moment/name`, by which a metadata.ini orders it."""

    @property
    def extension(self) -> str:
        """Whose it is."""
        return loaded.extension_of(self.script)


callback_map: dict[str, list[ScriptCallback]] = {f"callbacks_{moment}": [] for moment in MOMENTS}
"""All there are, by moment, in the order in which they came."""
ordered_callbacks_map: dict[str, list[ScriptCallback]] = {}
"""The same in the order in which they are called."""


def add_callback(
    callbacks: list[ScriptCallback],
    fun: Callback,
    *,
    name: str | None = None,
    category: str = "unknown",
    filename: str | None = None,
) -> None:
    """Registers `fun` in a list of `callback_map`."""
    file = filename or calling_file("script_callbacks.py")
    callbacks.append(ScriptCallback(file, fun, loaded.callback_name(file, category, name or "")))
    ordered_callbacks_map.clear()


def sort_callbacks(
    category: str, unordered_callbacks: list[ScriptCallback], *, enable_user_sort: bool = True
) -> list[ScriptCallback]:
    """In the order that the metadata.ini of extensions ask for."""
    return loaded.callbacks_in_order(unordered_callbacks)


def ordered_callbacks(
    category: str, unordered_callbacks: list[ScriptCallback] | None = None, *, enable_user_sort: bool = True
) -> list[ScriptCallback]:
    """The functions for a moment, or those that are given, in the order that the metadata.ini of extensions ask for."""
    if unordered_callbacks is not None:
        return sort_callbacks(category, unordered_callbacks)
    if category not in ordered_callbacks_map:
        ordered_callbacks_map[category] = loaded.callbacks_in_order(callback_map.get(f"callbacks_{category}", []))
    return ordered_callbacks_map[category]


def enumerate_callbacks() -> Iterator[tuple[str, list[ScriptCallback]]]:
    """(moment, the functions for it), of all moments."""
    for category, callbacks in callback_map.items():
        yield category.removeprefix("callbacks_"), callbacks


def report_exception(c: ScriptCallback, job: str) -> None:
    """Says in the log that a function has failed."""
    errors.report(f"Error executing callback {job} for {c.script}", exc_info=True)


def clear_callbacks() -> None:
    """Forgets all."""
    for callbacks in callback_map.values():
        callbacks.clear()
    ordered_callbacks_map.clear()


def remove_current_script_callbacks() -> None:
    """Forgets those that the calling file has registered."""
    file = calling_file("script_callbacks.py")
    _forget(lambda each: each.script == file)


def remove_callbacks_for_function(callback_func: Callback) -> None:
    """Forgets a function, wherever it was registered."""
    _forget(lambda each: each.callback == callback_func)


def _forget(which: Callable[[ScriptCallback], bool]) -> None:
    for callbacks in callback_map.values():
        callbacks[:] = [each for each in callbacks if not which(each)]
    ordered_callbacks_map.clear()


@contextmanager
def kept_as_they_are() -> Iterator[None]:
    """What is registered or forgotten while the block lasts does not count."""
    before = {name: list(callbacks) for name, callbacks in callback_map.items()}
    try:
        yield
    finally:
        for name, callbacks in callback_map.items():
            callbacks[:] = before.get(name, [])
        ordered_callbacks_map.clear()


# What calls them


def has_callbacks(category: str) -> bool:
    """Whether anybody wants to hear of a moment."""
    return bool(callback_map[f"callbacks_{category}"])


def tell(category: str, *args: Any, **words: Any) -> list[Any]:
    """Calls all that are registered for a moment; what each returned, None for one that failed."""
    callbacks = ordered_callbacks(category)
    in_turn = reversed(callbacks) if category in IN_REVERSE else callbacks
    return [containment.call(each.extension, f"on_{category}", each.callback, *args, **words) for each in in_turn]


def tell_of(category: str, params: Any) -> Any:
    """Calls all with one object that each may change; what one has changed before it failed is taken back."""
    for each in ordered_callbacks(category):
        before = kept(vars(params))
        done = False
        if containment.conduct(each.extension).runs:
            with containment.guard(each.extension, f"on_{category}"):
                each.callback(params)
                done = True
            if not done:
                vars(params).update(before)
    return params


def app_started_callback(demo: Any, app: Any) -> None:
    """The pages are built: Gradio's Blocks (or None) and the FastAPI that they will be mounted on."""
    tell("app_started", demo, app)


def app_reload_callback() -> None:
    """The server is about to start again."""
    tell("before_reload")


def model_loaded_callback(sd_model: Any) -> None:
    """A checkpoint has come into use."""
    tell("model_loaded", sd_model)


def ui_tabs_callback() -> list[Any]:
    """The tabs that extensions add: (Blocks, title, elem_id)."""
    return [tab for tabs in tell("ui_tabs") for tab in tabs or []]


def ui_train_tabs_callback(params: UiTrainTabParams) -> None:
    """A1111's Train tab is being built."""
    tell("ui_train_tabs", params)


def ui_settings_callback() -> None:
    """Options may be added."""
    tell("ui_settings")


def before_image_saved_callback(params: ImageSaveParams) -> None:
    """A picture is about to be saved."""
    tell_of("before_image_saved", params)


def image_saved_callback(params: ImageSaveParams) -> None:
    """A picture was saved."""
    tell("image_saved", params)


def extra_noise_callback(params: ExtraNoiseParams) -> None:
    """Extra noise is about to be added."""
    tell_of("extra_noise", params)


def cfg_denoiser_callback(params: CFGDenoiserParams) -> None:
    """The network is about to be called."""
    tell_of("cfg_denoiser", params)


def cfg_denoised_callback(params: CFGDenoisedParams) -> None:
    """The network has answered for each prompt."""
    tell_of("cfg_denoised", params)


def cfg_after_cfg_callback(params: AfterCFGCallbackParams) -> None:
    """Guidance has joined the answers."""
    tell_of("cfg_after_cfg", params)


def before_component_callback(component: Any, **kwargs: Any) -> None:
    """A component of the page is about to be made."""
    tell("before_component", component, **kwargs)


def after_component_callback(component: Any, **kwargs: Any) -> None:
    """A component of the page was made."""
    tell("after_component", component, **kwargs)


def image_grid_callback(params: ImageGridLoopParams) -> None:
    """A sheet of pictures is about to be made."""
    tell_of("image_grid", params)


def infotext_pasted_callback(infotext: str, params: dict[str, Any]) -> None:
    """A text of parameters was read; `params` may be changed."""
    tell("infotext_pasted", infotext, params)


def script_unloaded_callback() -> None:
    """Extensions are about to be forgotten."""
    tell("script_unloaded")


def before_ui_callback() -> None:
    """The pages are about to be built."""
    tell("before_ui")


def list_optimizers_callback() -> list[Any]:
    """A1111's optimisations of attention; they are collected, and none is used."""
    found: list[Any] = []
    tell("list_optimizers", found)
    return found


def list_unets_callback() -> list[Any]:
    """A1111's replacements for the network; they are collected, and none is used."""
    found: list[Any] = []
    tell("list_unets", found)
    return found


def before_token_counter_callback(params: BeforeTokenCounterParams) -> None:
    """A prompt's tokens are about to be counted."""
    tell_of("before_token_counter", params)


# What extensions call


def on_app_started(callback: Callback, *, name: str | None = None) -> None:
    """`callback(demo: Optional[Blocks], app: FastAPI)`, once the pages are built."""
    _add("app_started", callback, name)


def on_before_reload(callback: Callback, *, name: str | None = None) -> None:
    """`callback()`, before the server starts again."""
    _add("before_reload", callback, name)


def on_model_loaded(callback: Callback, *, name: str | None = None) -> None:
    """`callback(sd_model)`, when a checkpoint has come into use."""
    _add("model_loaded", callback, name)


def on_ui_tabs(callback: Callback, *, name: str | None = None) -> None:
    """`callback() -> [(blocks, title, elem_id)]`, for tabs of one's own."""
    _add("ui_tabs", callback, name)


def on_ui_train_tabs(callback: Callback, *, name: str | None = None) -> None:
    """`callback(UiTrainTabParams)`, for tabs within A1111's Train."""
    _add("ui_train_tabs", callback, name)


def on_ui_settings(callback: Callback, *, name: str | None = None) -> None:
    """`callback()`, to add options to the settings."""
    _add("ui_settings", callback, name)


def on_before_image_saved(callback: Callback, *, name: str | None = None) -> None:
    """`callback(ImageSaveParams)`, before a picture is saved."""
    _add("before_image_saved", callback, name)


def on_image_saved(callback: Callback, *, name: str | None = None) -> None:
    """`callback(ImageSaveParams)`, when a picture was saved."""
    _add("image_saved", callback, name)


def on_extra_noise(callback: Callback, *, name: str | None = None) -> None:
    """`callback(ExtraNoiseParams)`, before extra noise is added."""
    _add("extra_noise", callback, name)


def on_cfg_denoiser(callback: Callback, *, name: str | None = None) -> None:
    """`callback(CFGDenoiserParams)`, before each call of the network."""
    _add("cfg_denoiser", callback, name)


def on_cfg_denoised(callback: Callback, *, name: str | None = None) -> None:
    """`callback(CFGDenoisedParams)`, after each call of the network."""
    _add("cfg_denoised", callback, name)


def on_cfg_after_cfg(callback: Callback, *, name: str | None = None) -> None:
    """`callback(AfterCFGCallbackParams)`, after guidance."""
    _add("cfg_after_cfg", callback, name)


def on_before_component(callback: Callback, *, name: str | None = None) -> None:
    """`callback(component, **kwargs)`, before each component of the page."""
    _add("before_component", callback, name)


def on_after_component(callback: Callback, *, name: str | None = None) -> None:
    """`callback(component, **kwargs)`, after each component of the page."""
    _add("after_component", callback, name)


def on_image_grid(callback: Callback, *, name: str | None = None) -> None:
    """`callback(ImageGridLoopParams)`, before a sheet is made."""
    _add("image_grid", callback, name)


def on_infotext_pasted(callback: Callback, *, name: str | None = None) -> None:
    """`callback(infotext, params)`, when parameters were read."""
    _add("infotext_pasted", callback, name)


def on_script_unloaded(callback: Callback, *, name: str | None = None) -> None:
    """`callback()`, before extensions are forgotten."""
    _add("script_unloaded", callback, name)


def on_before_ui(callback: Callback, *, name: str | None = None) -> None:
    """`callback()`, before the pages are built."""
    _add("before_ui", callback, name)


def on_list_optimizers(callback: Callback, *, name: str | None = None) -> None:
    """`callback(list)`, to add optimisations of attention."""
    _add("list_optimizers", callback, name)


def on_list_unets(callback: Callback, *, name: str | None = None) -> None:
    """`callback(list)`, to add replacements of the network."""
    _add("list_unets", callback, name)


def on_before_token_counter(callback: Callback, *, name: str | None = None) -> None:
    """`callback(BeforeTokenCounterParams)`, before tokens are counted."""
    _add("before_token_counter", callback, name)


def _add(category: str, callback: Callback, name: str | None) -> None:
    add_callback(callback_map[f"callbacks_{category}"], callback, name=name, category=category)
