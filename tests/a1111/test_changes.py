"""What callbacks and scripts change is in the picture; where they change nothing it is the same bit for bit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from modules.studio.app import App
from modules.studio.image_files import open_picture
from modules.studio.request import Extras, Finished, Img2Img, RequestError, Txt2Img
from tests.a1111.test_face import pixels, run
from tests.a1111.test_order import QUICK, upload
from tests.a1111.words import word


def test_a_job_without_extensions_and_one_with_idle_ones_give_the_same_bits(open_extended: Callable[..., App]) -> None:
    app = open_extended()
    values = {**QUICK, "sampler_name": "Euler a", "batch_size": 2}
    plain = run(app, Txt2Img(**values))
    alone = [pixels(app, plain, index) for index in range(2)]
    bridge = word("bridge.hooks").Bridge
    assert not [hook for hook in app.engine.hooks if isinstance(hook, bridge)]
    app = open_extended("recorder", "assigner")
    assert [hook for hook in app.engine.hooks if isinstance(hook, bridge)]
    recorded = run(app, Txt2Img(**values))
    assert [pixels(app, recorded, index) for index in range(2)] == alone


def test_callbacks_change_what_the_network_is_asked_and_answers(open_extended: Callable[..., App]) -> None:
    app = open_extended("inverter")
    chosen: Any = sys.modules["scripts.inverter"].chosen
    made = {}
    for what in ("", "prompt", "x", "sigma", "sigma of the negative", "answer", "guided"):
        chosen["what"] = what
        end = run(app, Txt2Img(**QUICK, negative_prompt="blue"))
        made[what] = pixels(app, end)
        assert end.images[0].infotext.endswith(", Added: 1")
    assert len(set(made.values())) == 7
    chosen["what"] = ""
    assert pixels(app, run(app, Txt2Img(**{**QUICK, "cfg_scale": 1.0}))) != made[""]


def test_a_prompt_that_is_replaced_is_the_prompt(open_extended: Callable[..., App]) -> None:
    app = open_extended("inverter")
    sys.modules["scripts.inverter"].chosen["what"] = "prompt"
    replaced = run(app, Txt2Img(**QUICK, negative_prompt="blue star"))
    sys.modules["scripts.inverter"].chosen["what"] = ""
    asked = run(app, Txt2Img(**{**QUICK, "prompt": "blue star"}, negative_prompt="blue star"))
    assert pixels(app, replaced) == pixels(app, asked)


def test_a_prompt_whose_data_are_replaced_is_the_prompt(open_extended: Callable[..., App]) -> None:
    app = open_extended("inverter")
    chosen: Any = sys.modules["scripts.inverter"].chosen
    chosen["what"] = "keep"
    run(app, Txt2Img(**QUICK, negative_prompt="blue star"))
    chosen["what"] = "data"
    replaced = run(app, Txt2Img(**QUICK, negative_prompt="nothing"))
    chosen["what"] = ""
    asked = run(app, Txt2Img(**{**QUICK, "prompt": "blue star"}, negative_prompt="blue star"))
    assert pixels(app, replaced) == pixels(app, asked)


def test_a_prompt_that_is_added_is_asked_and_told_and_joined_by_nobody(open_extended: Callable[..., App]) -> None:
    app = open_extended("inverter")
    chosen: Any = sys.modules["scripts.inverter"].chosen
    made = {}
    for what in ("", "one more", "one less"):
        chosen["what"] = what
        made[what] = pixels(app, run(app, Txt2Img(**QUICK, negative_prompt="blue"))), chosen["rows"]
    assert [len(rows) for _, rows in made.values()] == [2, 3, 2]
    assert {picture for picture, _ in made.values()} == {made[""][0]}
    positive, added, negative = made["one more"][1]
    assert (added == negative).all()
    assert not (added == positive).all()


def test_what_a_chosen_script_says_is_told_and_is_no_fault(open_extended: Callable[..., App]) -> None:
    app = open_extended("teller")
    end = app.engine.submit(Txt2Img(**QUICK, script_name="Teller"), "local").wait()
    assert (end.state, end.images, end.comments) == ("failed", (), ())
    assert "Put in a picture first." in end.error


def test_what_a_chosen_script_says_instead_of_making_pictures_is_told(open_extended: Callable[..., App]) -> None:
    app = open_extended("teller")
    end = app.engine.submit(Txt2Img(**QUICK, script_name="Quiet"), "local").wait()
    assert (end.state, end.images) == ("done", ())
    assert end.comments == ("The script made no pictures: Nothing to do: the folder is empty.",)


def test_scripts_of_the_extras_take_part(open_extended: Callable[..., App]) -> None:
    app = open_extended("extras_tool")
    asked = Extras(images=(Finished(id=upload(app, "red")),), upscaler_1="Lanczos", upscaling_resize=2)
    end = app.engine.submit(asked, "local").wait()
    assert end.state == "done"
    assert [image.width for image in end.images] == [128, 128]
    assert "Postprocess flip: yes" in end.images[-1].infotext
    colours = [open_picture(app.gallery.read(image.id, "local")[0]).getpixel((5, 5)) for image in end.images]
    assert colours == [(0, 255, 255), (255, 0, 0)]
    assert end.comments == (
        "The extension extras_tool failed in process (ValueError: by design); the picture is without it.",
    )


@pytest.mark.parametrize(
    "change", [{"script_name": "Nothing"}, {"alwayson_scripts": {"Nothing": ()}}, {"script_name": "Recorder"}]
)
def test_a_request_that_names_a_script_which_is_not_here_is_refused(
    open_extended: Callable[..., App], change: dict[str, Any]
) -> None:
    app = open_extended("recorder")
    with pytest.raises(RequestError, match="not found"):
        app.engine.submit(Txt2Img(**QUICK, **change), "local")
    assert app.queue.rows(limit=None) == []


def test_pictures_among_the_arguments_of_scripts_are_the_requests_uploads() -> None:
    args = ({"aquatint_upload": "1" * 32}, [{"image": {"aquatint_upload": "2" * 32}}])
    asked = Img2Img(**QUICK, init_images=("0" * 32,), script_args=args)
    assert asked.uploads() == ("0" * 32, "1" * 32, "2" * 32)
    with pytest.raises(ValueError, match="must be JSON"):
        Txt2Img(script_args=(object(),))


def test_what_nobody_can_use_is_left_out(open_extended: Callable[..., App]) -> None:
    app = open_extended("clumsy")
    chosen: Any = sys.modules["scripts.clumsy"].chosen
    made = {}
    moments = ("post_sample", "postprocess_batch_list", "postprocess_image", "postprocess", "cfg_after_cfg")
    for what in ("", "lists", "override_settings", *moments):
        chosen["what"] = what
        end = app.engine.submit(Txt2Img(**QUICK, batch_size=2), "local").wait()
        made[what] = (end.state, len(end.images), pixels(app, end, 0), pixels(app, end, 1))
    assert {what for what, each in made.items() if each != made[""]} == set()
    assert made[""][:2] == ("done", 2)


def test_a_hook_knows_which_picture_of_which_batch_it_is_handed(open_extended: Callable[..., App]) -> None:
    app = open_extended("recorder")
    seen: list[tuple[int, int]] = []
    recorder: Any = sys.modules["scripts.recorder"].Recorder
    recorder.postprocess_image = lambda self, p, *args: seen.append((p.iteration, p.batch_index))
    end = app.engine.submit(Txt2Img(**QUICK, batch_size=2, n_iter=2), "local").wait()
    assert (end.state, seen) == ("done", [(0, 0), (0, 1), (1, 0), (1, 1)])
