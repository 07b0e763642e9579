"""The arguments of scripts, handed out in A1111's one long row."""

from __future__ import annotations

from typing import Any

from modules.studio.job import Job

from . import script_controls
from .frozen_values import thawed
from .script import Script


def hand_out(p: Any, job: Job, runner: Any) -> None:
    """Gives p the scripts of its tab, with the arguments that the job was asked for with and defaults for the rest."""
    if not runner.scripts:
        return
    script_controls.require(runner)
    request = job.request
    args: list[Any] = [default_of(control) for control in runner.inputs]
    args[:1] = [0]
    for title, values in request.alwayson_scripts.items():
        _put(args, runner.script(title), values, job, title)
    if request.script_name:
        script = runner.script(request.script_name)
        if script in runner.selectable_scripts:
            args[0] = runner.selectable_scripts.index(script) + 1
        _put(args, script, request.script_args, job, request.script_name)
    p.is_api = False
    p.scripts = runner
    p.script_args = tuple(args)


def _put(args: list[Any], script: Script | None, values: Any, job: Job, title: str) -> None:
    if script is None:
        job.comment(f"There is no script called {title:.100} here any more: the picture is without it.")
        return
    place = script.args_from or 0
    room = (script.args_to or 0) - place
    given = [thawed(value, job.owner) for value in list(values)[:room]]
    if not script.alwayson or not _same(given, args[place : place + len(given)]):
        job.scripts.append(script.title())
    args[place : place + len(given)] = given


def _same(values: list[Any], defaults: list[Any]) -> bool:
    """Whether nobody has touched a script's controls; arrays have no truth of their own."""
    try:
        return bool(values == defaults)
    except ValueError:
        return False


def default_of(control: Any) -> Any:
    """What a script gets from a control that nobody has touched: of a list by index, the index."""
    value = getattr(control, "value", None)
    if callable(value):
        value = value()
    if getattr(control, "type", None) == "index":
        choices = [choice[1] if isinstance(choice, tuple | list) else choice for choice in control.choices or ()]
        return choices.index(value) if value in choices else None
    return value
