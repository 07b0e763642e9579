"""What the buttons of the three tabs do on the server: queue a request, keep the form, fill it from an infotext."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from modules.diffusion.errors import AquatintError
from modules.diffusion.samplers import find_sampler
from modules.studio.app import App
from modules.studio.infotext import restored_here
from modules.studio.job import LOCAL
from modules.studio.plan import plan_of
from modules.studio.request import SAMPLER_FIELDS, Request
from modules.studio.settings import Options
from modules.web.field import OVERRIDES
from modules.web.field_rows import FIELDS, QUICK
from modules.web.fields import Form, chosen_checkpoint
from modules.web.login import is_owner, owner_of
from modules.web.messages import Said
from modules.web.slots import Visitor

QUICK_TAB = "quick"
"""Under this name the forms keep what all tabs share."""


def generate(app: App, form: Form, values: Sequence[Any], owner: str) -> str:
    """Queues what the form says and returns the job's id at once. The form is kept: a refresh loses nothing of it.

    Raises: AquatintError in words for the person who filled in the form.
    """
    remember(app, form, values, owner)
    return app.engine.submit(form.read(values, owner), owner).id


def remember(app: App, form: Form, values: Sequence[Any], owner: str) -> None:
    """Keeps the form for the owner's next visit."""
    saved = form.remembered(values)
    shared = {field.name: saved.pop(field.name) for field in QUICK}
    app.forms.save(owner, QUICK_TAB, shared)
    app.forms.save(owner, form.tab, saved)


def planned(app: App, asked: Request, owner: str, options: Options) -> Any:
    """The line beside the button; while a job runs it stays as it is, since the job shall have the machine."""
    if app.engine.running is not None:
        return gr.skip()
    try:
        return plan_of(app, asked, owner, options).sentence
    except AquatintError:  # said when it is asked for
        return ""


def recall(app: App, form: Form, owner: str) -> list[dict[str, Any]]:
    """Updates of the form's widgets that show what the owner left in them."""
    return form.recalled({**app.forms.load(owner, form.tab), **app.forms.load(owner, QUICK_TAB)}, app)


def fill(app: App, form: Form, asked: Mapping[str, Any], owner: str = LOCAL) -> Said:
    """Updates that show what `asked` for: an `infotext`, a `picture` ({"id", "width", "height"}), a `seed`, a
    `checkpoint`; each is optional. Widgets of which it says nothing stay as they are."""
    text, picture, seed, checkpoint = (asked.get(key) for key in ("infotext", "picture", "seed", "checkpoint"))
    values, problems = restored_values(app, text, owner) if isinstance(text, str) and text.strip() else ({}, [])
    if isinstance(picture, dict):
        values["init_images"] = picture
    if isinstance(seed, int):
        values["seed"] = seed
    if isinstance(checkpoint, str):
        values["sd_model_checkpoint"] = checkpoint
    filled = form.filled(values, app, text if isinstance(text, str) else "")
    return Said(filled.updates, "\n".join([*problems, *filled.problems]))


def restored_values(app: App, infotext: str, owner: str = LOCAL) -> tuple[dict[str, Any], list[str]]:
    """What an infotext says, as fields and options (`override_settings` has those that are not in the bar), and a
    sentence for each thing that cannot be had here."""
    settings = app.own_options.of(owner)
    restored = restored_here(infotext, app.store.find_vae, app.settings.declared.values())
    problems = list(restored.problems)
    values = {"styles": [], "subseed": -1, **restored.values}
    values |= _sampler_fields(values, settings)
    for field in (*QUICK, *FIELDS):
        if field.option and field.name in restored.options:
            said = restored.options[field.name]
            as_set = field.kind == "optional" and said == getattr(settings, field.name)
            values[field.name] = None if as_set else said
    for name in ("refiner_checkpoint", "hr_checkpoint_name"):
        if values.get(name):
            problems += _found_in_place(app, values, name)
    checkpoint = _first_found(app, restored.checkpoints)
    if checkpoint is not None:
        values["sd_model_checkpoint"] = checkpoint
    elif restored.checkpoints:
        problems.append(f"The checkpoint {restored.checkpoints[-1]} is not here; the present one stays.")
    others = {name: value for name, value in restored.options.items() if name not in values}
    values[OVERRIDES] = {name: value for name, value in others.items() if getattr(settings, name) != value}
    return values, problems


def _sampler_fields(values: Mapping[str, Any], options: Options) -> dict[str, float | None]:
    """What a text does not say of its sampler is as that sampler has it, whatever the Settings say; blank where both
    agree."""
    try:
        sampler = find_sampler(values.get("sampler_name") or "")
    except AquatintError:
        return {}
    as_set = {name: getattr(options, name, None) for name in SAMPLER_FIELDS}
    as_set["eta"] = options.eta_ddim if sampler.on_timesteps else options.eta_ancestral
    said: dict[str, float | None] = {}
    for name in SAMPLER_FIELDS:
        usual = sampler.options.get(name)
        no_limit = name == "s_tmax" and usual is not None
        value = values[name] if values.get(name) is not None else 0.0 if no_limit else usual
        said[name] = None if value == as_set[name] else value
    return said


def _found_in_place(app: App, values: dict[str, Any], name: str) -> list[str]:
    """Puts the checkpoint's own name for what an infotext calls it; None and a sentence when it is not here."""
    asked = values[name]
    values[name] = _first_found(app, [asked])
    return [] if values[name] else [f"The checkpoint {asked} is not here: the picture would be made without it."]


def _first_found(app: App, names: Sequence[str]) -> str | None:
    for name in names:
        try:
            return app.store.find(name).name
        except AquatintError:
            continue
    return None


def native_side(app: App, checkpoint: str, width: int, height: int) -> int | None:
    """The side that `checkpoint` was made for, if width and height are still what some checkpoint proposed; else None,
    because the person chose them."""
    chosen = chosen_checkpoint(app, checkpoint)
    proposed = {known.native_size for known in app.store.checkpoints} | {512}
    if chosen is None or width != height or width not in proposed:
        return None
    return chosen.native_size


def owner_in(request: gr.Request) -> str:
    """Whose browser sent this event."""
    return owner_of(request.request.scope)


def visitor_of(request: gr.Request) -> Visitor:
    """Who sent this event, and whether the server is theirs."""
    return Visitor(owner_in(request), is_owner(request.request.scope))
