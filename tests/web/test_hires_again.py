"""Hires fix of a finished picture: what its job is asked for with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.engine import Ticket
from modules.studio.infotext import read_infotext, to_request_values
from modules.studio.job import LOCAL
from modules.studio.request import Txt2Img
from modules.web.fields import Form
from modules.web.hires_again import submit_larger

Submit = Callable[..., Ticket]
FORM = Form("txt2img")


def values(app: App, **changes: Any) -> list[Any]:
    shown = {field.name: update["value"] for field, update in zip(FORM.fields, FORM.recalled({}, app), strict=True)}
    return list({**shown, **changes}.values())


def larger(app: App, id: str, owner: str = LOCAL, **changes: Any) -> Ticket:
    job = app.engine.job(submit_larger(app, FORM, values(app, **changes), {"id": id}, owner))
    assert job is not None
    return Ticket(job)


def test_the_picture_brings_its_parameters_and_the_form_its_hires_settings(submit: Submit, app: App) -> None:
    made = submit(prompt="green apple", seed=21, n_iter=2, scheduler="Karras").wait(60).images[1]
    form: dict[str, Any] = {"prompt": "blue fish", "seed": 5, "steps": 9, "hr_upscaler": "Lanczos", "hr_scale": 1.5}
    ticket = larger(app, made.id, **form, denoising_strength=0.2, n_iter=3, hr_second_pass_steps=2)
    request = ticket.job.request
    assert isinstance(request, Txt2Img)
    assert (request.prompt, request.seed, request.steps, request.scheduler) == ("green apple", 22, 2, "Karras")
    assert (request.hr_upscaler, request.hr_scale, request.denoising_strength) == ("Lanczos", 1.5, 0.2)
    assert request.n_iter == request.batch_size == 1
    (result,) = ticket.wait(60).images
    assert (result.width, result.height, result.seed) == (96, 96, 22)


def test_it_is_the_picture_itself_that_is_painted_over(submit: Submit, app: App) -> None:
    made = submit(seed=21).wait(60).images[0]
    request = larger(app, made.id).job.request
    assert isinstance(request, Txt2Img)
    assert request.firstpass_image
    data, _ = app.gallery.read(made.id, LOCAL)
    assert app.uploads.add(data, LOCAL) == request.firstpass_image


def test_what_was_made_larger_can_be_made_larger_again(submit: Submit, app: App) -> None:
    made = submit(enable_hr=True, hr_scale=1.5, hr_prompt="a sun", denoising_strength=0.5).wait(60).images[0]
    request = larger(app, made.id, hr_scale=2.0, denoising_strength=0.3).job.request
    assert isinstance(request, Txt2Img)
    assert (request.width, request.height, request.hr_scale, request.hr_prompt) == (96, 96, 2.0, "")
    assert request.denoising_strength == 0.3


def test_the_parameters_keep_the_size_that_it_was_first_painted_at(submit: Submit, app: App) -> None:
    made = submit(enable_hr=True, hr_scale=1.5, denoising_strength=0.5).wait(60).images[0]
    texts = [made.infotext]
    for _ in range(2):
        (made,) = larger(app, made.id, hr_scale=1.5, denoising_strength=0.3, hr_second_pass_steps=1).wait(60).images
        texts.append(made.infotext)
    params = [read_infotext(text).params for text in texts]
    assert [each["Size"] for each in params] == ["64x64", "96x96", "144x144"]
    assert [each.get("Original Size") for each in params] == [None, "64x64", "64x64"]
    assert to_request_values(read_infotext(texts[2])).values["original_size"] == "64x64"


def test_somebody_elses_picture_is_not_there(submit: Submit, app: App) -> None:
    made = submit("ann").wait(60).images[0]
    with pytest.raises(AquatintError, match="not there any more"):
        larger(app, made.id, "bob")
    assert larger(app, made.id, "ann").id
