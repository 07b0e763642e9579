"""One row per parameter of a request: its widget, its label, its tabs, and how it is read and shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from modules.diffusion.checkpoint import Checkpoint
from modules.diffusion.errors import AquatintError
from modules.diffusion.samplers import SAMPLERS, find_sampler
from modules.diffusion.sigmas import SCHEDULES
from modules.studio.app import App
from modules.studio.request import LONGEST_PROMPT, Request, RequestError, read_request

TEXT, IMAGE, PAINT = "txt2img", "img2img", "inpaint"
TABS = (TEXT, IMAGE, PAINT)
WITH_PICTURE = (IMAGE, PAINT)
LARGEST_SIDE = 2048
OVERRIDES = "override_settings"
Choices = list[tuple[str, Any]]


@dataclass(frozen=True)
class Field:
    """A parameter as the page knows it."""

    name: str
    """The request's field, which is also its name in the API; or the option's, when `option` is set."""
    label: str
    kind: str
    """Which of `widgets.WIDGETS` shows it."""
    suffix: str = ""
    """The component's elem_id is the tab, "_" and this (A1111's ids); the name itself when left out."""
    default: Any = None
    tabs: tuple[str, ...] = TABS
    limits: tuple[float, float, float] | None = None
    """Lowest, highest, step."""
    choices: Callable[[App], Choices] | None = None
    read: Callable[[Any], dict[str, Any]] | None = None
    """The widget's value -> fields of the request; `{name: value}` when left out."""
    show: Callable[[Mapping[str, Any]], Any] | None = None
    """Fields of a request -> the widget's value, or None when they do not say; `values[name]` when left out."""
    option: bool = False
    """It overrides a setting for the job, instead of being a field of the request."""
    free: bool = False
    """A choice that is not in the list may still be right: the lists of files grow while the page is open."""
    help: str = ""

    def elem_id(self, tab: str) -> str:
        return f"setting_{self.name}" if self.option else f"{tab}_{self.suffix or self.name}"

    def clean(self, value: Any, app: App) -> Any:
        """`value` if the widget can show it, moved between its limits if need be, else the default."""
        if self.choices is not None:
            return self._clean_choice(value, [choice for _, choice in self.choices(app)])
        if self.limits is not None:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return self.default
            low, high, step = self.limits
            return min(max(type(step)(value), type(step)(low)), type(step)(high))
        if self.kind in ("picture", "canvas"):
            return value if isinstance(value, dict) and isinstance(value.get("id"), str) else None
        if self.kind == "overrides":
            return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        if self.kind == "seed":
            return value if isinstance(value, int) and not isinstance(value, bool) else self.default
        return value[:LONGEST_PROMPT] if isinstance(value, str) else self.default

    def _clean_choice(self, value: Any, known: list[Any]) -> Any:
        if isinstance(self.default, list):
            return [item for item in value if item in known] if isinstance(value, list) else []
        return value if value in known else self.default

    def values(self, value: Any) -> dict[str, Any]:
        """What the widget's value says, as fields of the request."""
        return self.read(value) if self.read is not None else {self.name: value}

    def widget_value(self, values: Mapping[str, Any]) -> Any:
        """The widget's value for a request's fields, or None when they do not say."""
        return self.show(values) if self.show is not None else values.get(self.name)


def _picture(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not value.get("id"):
        raise RequestError("Choose a picture first: drop one on the form, or send one there from the results.")
    return {"init_images": (value["id"],)}


def _painted(value: Any) -> dict[str, Any]:
    picture = _picture(value)
    if not value.get("mask"):
        raise RequestError("Paint over the part of the picture that should change first.")
    return {**picture, "mask": value["mask"]}


def _chosen(value: Any) -> dict[str, Any]:
    return {"sd_model_checkpoint": value} if value else {}


def _parsed(lines: Any) -> dict[str, Any]:
    """ "name: value" lines -> options; a value that is not JSON is taken as text."""
    options: dict[str, Any] = {}
    for line in lines or ():
        name, _, text = str(line).partition(": ")
        try:
            options[name] = json.loads(text)
        except ValueError:
            options[name] = text
    return options


def _written(options: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {json.dumps(value)}" for name, value in options.items()]


def _canonical(sampler: str | None) -> str | None:
    """A sampler's own name for one of its aliases; a name that nobody knows stays as it is."""
    try:
        return find_sampler(sampler).name if sampler else None
    except AquatintError:
        return sampler


def _seed(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {name: -1 if value is None else value}


def _both_ways(value: Any) -> dict[str, Any]:
    return {"mask_blur_x": value, "mask_blur_y": value}


def _labelled(*labels: str) -> Callable[[App], Choices]:
    """Choices that a request names by their number."""
    return lambda app: [(label, index) for index, label in enumerate(labels)]


def _named(names: Callable[[App], Sequence[str]]) -> Callable[[App], Choices]:
    return lambda app: [(name, name) for name in names(app)]


def _schedulers(app: App) -> Choices:
    return [(label, label) for label in ("Automatic", *(s for s in SCHEDULES if s != "Automatic"))]


def _checkpoints(app: App) -> Choices:
    return [(checkpoint.title, checkpoint.name) for checkpoint in app.store.checkpoints]


def _vaes(app: App) -> Choices:
    return [(name, name) for name in dict.fromkeys(("Automatic", "None", *app.store.vaes))]


QUICK = (
    Field(
        "sd_model_checkpoint",
        "Checkpoint",
        "dropdown",
        choices=_checkpoints,
        read=_chosen,
        option=True,
        free=True,
    ),
    Field("sd_vae", "VAE", "dropdown", default="Automatic", choices=_vaes, option=True, free=True),
    Field("CLIP_stop_at_last_layers", "Clip skip", "count", default=1, limits=(1, 12, 1), option=True),
)
"""What every tab shares, at the top of the page."""

FIELDS = (
    Field("init_images", "Picture", "picture", "image", tabs=(IMAGE,), read=_picture),
    Field("init_images", "Picture and mask", "canvas", "image", tabs=(PAINT,), read=_painted),
    Field("prompt", "Prompt", "prompt", default=""),
    Field("negative_prompt", "Negative prompt", "prompt", "neg_prompt", default=""),
    Field(
        "styles",
        "Styles",
        "many",
        default=[],
        choices=_named(lambda app: app.styles.names()),
        free=True,
    ),
    Field(
        "sampler_name",
        "Sampling method",
        "dropdown",
        "sampling",
        "DPM++ 2M",
        choices=_named(lambda app: [*SAMPLERS]),
        show=lambda values: _canonical(values.get("sampler_name")),
    ),
    Field("scheduler", "Schedule type", "dropdown", "scheduler", "Automatic", choices=_schedulers),
    Field("steps", "Steps", "slider", default=20, limits=(1, 150, 1)),
    Field(
        "resize_mode",
        "Resize mode",
        "radio",
        default=0,
        tabs=WITH_PICTURE,
        choices=_labelled("Just resize", "Crop and resize", "Resize and fill", "Just resize (latent)"),
    ),
    Field(
        "mask_blur_x",
        "Mask blur",
        "slider",
        "mask_blur",
        default=4,
        tabs=(PAINT,),
        limits=(0, 64, 1),
        read=_both_ways,
    ),
    Field(
        "inpainting_mask_invert",
        "Mask mode",
        "radio",
        "mask_mode",
        default=0,
        tabs=(PAINT,),
        choices=_labelled("Inpaint masked", "Inpaint not masked"),
    ),
    Field(
        "inpainting_fill",
        "Masked content",
        "radio",
        default=1,
        tabs=(PAINT,),
        choices=_labelled("Fill", "Original", "Latent noise", "Latent nothing"),
    ),
    Field(
        "inpaint_full_res",
        "Inpaint area",
        "radio",
        default=0,
        tabs=(PAINT,),
        choices=_labelled("Whole picture", "Only masked"),
        read=lambda value: {"inpaint_full_res": bool(value)},
        show=lambda values: None if "inpaint_full_res" not in values else int(values["inpaint_full_res"]),
    ),
    Field(
        "inpaint_full_res_padding",
        "Only masked padding, pixels",
        "slider",
        default=32,
        tabs=(PAINT,),
        limits=(0, 256, 4),
    ),
    Field("width", "Width", "slider", default=512, limits=(64, LARGEST_SIDE, 8)),
    Field("height", "Height", "slider", default=512, limits=(64, LARGEST_SIDE, 8)),
    Field("n_iter", "Batch count", "slider", "batch_count", 1, limits=(1, 100, 1)),
    Field("batch_size", "Batch size", "slider", default=1, limits=(1, 8, 1)),
    Field("cfg_scale", "CFG scale", "slider", default=7.0, limits=(1, 30, 0.5)),
    Field("denoising_strength", "Denoising strength", "slider", default=0.75, tabs=WITH_PICTURE, limits=(0, 1, 0.01)),
    Field("seed", "Seed", "seed", default=-1, read=_seed("seed")),
    Field("subseed", "Variation seed", "seed", default=-1, read=_seed("subseed")),
    Field("subseed_strength", "Variation strength", "slider", default=0.0, limits=(0, 1, 0.01)),
    Field(
        OVERRIDES,
        "Settings for this form only",
        "overrides",
        default=[],
        read=lambda value: {OVERRIDES: _parsed(value)},
        show=lambda values: _written(values[OVERRIDES]) if OVERRIDES in values else None,
    ),
)


class Filled(NamedTuple):
    """What filling in a form comes to."""

    updates: list[Any]
    """One for each field of the form, in its order."""
    problems: list[str]
    """A sentence for each value that the form cannot show as it is."""


@dataclass(frozen=True)
class Form:
    """The parameters of one tab, in the order in which the page's events carry their values."""

    tab: str

    @property
    def fields(self) -> tuple[Field, ...]:
        return (*QUICK, *(field for field in FIELDS if self.tab in field.tabs))

    def read(self, values: Sequence[Any]) -> Request:
        """The widgets' values as a request; what overrides settings is in its `override_settings`.

        Raises: RequestError in words for the person who filled in the form.
        """
        request: dict[str, Any] = {}
        overrides: dict[str, Any] = {}
        for field, value in zip(self.fields, values, strict=True):
            (overrides if field.option else request).update(field.values(value))
        request[OVERRIDES] = {**request[OVERRIDES], **overrides}
        return read_request(self.tab, request)

    def remembered(self, values: Sequence[Any]) -> dict[str, Any]:
        """The widgets' values by name, as the server keeps them between visits."""
        return {field.name: value for field, value in zip(self.fields, values, strict=True)}

    def recalled(self, saved: Mapping[str, Any], app: App) -> list[dict[str, Any]]:
        """Updates that show what `remembered` gave, and today's choices; what is missing or no longer possible gets
        its default."""
        start = {field.name: field.default for field in self.fields} | defaults(app)
        updates = []
        for field in self.fields:
            kept = field.clean(saved[field.name], app) if field.name in saved else None
            updates.append(_update(field, app, start[field.name] if kept is None else kept))
        return updates

    def filled(self, values: Mapping[str, Any], app: App) -> Filled:
        """Shows a request's fields and options; widgets of which they say nothing stay as they are."""
        updates, problems = [], []
        for field in self.fields:
            asked = field.widget_value(values)
            shown = None if asked is None else field.clean(asked, app)
            if shown != asked:
                problems.append(f"{field.label}: {asked} cannot be had here, so it is {shown}.")
            updates.append(gr.skip() if asked is None else _update(field, app, shown))
        return Filled(updates, problems)


def _update(field: Field, app: App, value: Any) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if field.free and field.choices is not None:
        changes["choices"] = field.choices(app)
    if field.kind == "overrides":
        changes = {"choices": value, "visible": bool(value)}
    update: dict[str, Any] = gr.update(value=value, **changes)
    return update


def defaults(app: App) -> dict[str, Any]:
    """The values that depend on what is installed: the checkpoint that is used, and its size."""
    checkpoint = chosen_checkpoint(app)
    if checkpoint is None:
        return {}
    side = checkpoint.native_size
    return {"sd_model_checkpoint": checkpoint.name, "width": side, "height": side}


def chosen_checkpoint(app: App, name: str = "") -> Checkpoint | None:
    """The checkpoint of that name, else the one that the settings name, else the first; None when there is none."""
    known = {checkpoint.name: checkpoint for checkpoint in app.store.checkpoints}
    first = next(iter(known.values()), None)
    return known.get(name) or known.get(app.settings.options.sd_model_checkpoint) or first
