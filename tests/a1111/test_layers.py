"""An extension that changes the networks, which all jobs share, and leaves them so, changes nobody's next picture."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from modules.studio.app import App
from modules.studio.job import Progress
from modules.studio.request import Txt2Img
from tests.a1111.test_face import pixels
from tests.a1111.test_order import QUICK

REQUEST = Txt2Img(**QUICK)
HIRES = Txt2Img(**QUICK, enable_hr=True, hr_scale=2, hr_upscaler="Latent", hr_second_pass_steps=2)


def done(app: App, what: str, request: Any = REQUEST) -> Progress:
    """A job in which the specimen does it."""
    module: Any = sys.modules["scripts.leaver"]
    module.chosen["what"] = what
    end = app.engine.submit(request, "local").wait()
    assert (end.state, end.error) == ("done", "")
    return end


LAYERS = {
    "padding": "padding_mode of 1",
    "forward": "forward of 1",
    "hook": "hooks of 1",
    "parameter": "weights of 1",
    "part": "parts of 1",
    "class": "class of 1",
}


@pytest.mark.parametrize("what", LAYERS)
def test_layers_that_an_extension_leaves_changed_are_put_back(what: str, open_extended: Callable[..., App]) -> None:
    app = open_extended("leaver")
    plain = pixels(app, done(app, ""))
    end = done(app, what)
    assert (pixels(app, end) != plain) == (what != "part")
    assert end.comments == (
        f"leaver has changed layers of starter and left them so ({LAYERS[what]}), which would have changed the pictures"
        " of everybody. They were put back.",
    )
    end = done(app, "")
    assert (pixels(app, end), end.comments) == (plain, ())


@pytest.mark.parametrize("what", ["weights", "data", "other data"])
def test_a_checkpoint_whose_weights_an_extension_leaves_changed_is_loaded_anew(
    what: str, open_extended: Callable[..., App]
) -> None:
    app = open_extended("leaver")
    plain = pixels(app, done(app, ""))
    end = done(app, what)
    assert pixels(app, end) != plain
    assert end.comments == (
        "leaver has changed 1 weights of starter and left them so. The checkpoint is loaded anew for the next picture.",
    )
    end = done(app, "")
    assert (pixels(app, end), end.comments) == (plain, ())


@pytest.mark.parametrize("what", ["padding, put back", "hook, removed"])
def test_what_an_extension_puts_back_itself_is_not_told(what: str, open_extended: Callable[..., App]) -> None:
    app = open_extended("leaver")
    assert done(app, what).comments == ()


def test_a_model_that_was_looked_at_leaves_memory(open_extended: Callable[..., App]) -> None:
    app = open_extended("leaver")
    done(app, "")
    with app.store.lease("starter") as model:
        unet = weakref.ref(model.unet)
    del model
    app.store.unload()
    gc.collect()
    assert unet() is None


def test_what_the_program_itself_puts_on_and_takes_off_is_not_told(open_extended: Callable[..., App]) -> None:
    app = open_extended("leaver")
    wishes = {"override_settings": {"token_merging_ratio": 0.5}, "tiling": True}
    assert done(app, "", HIRES.model_copy(update=wishes)).comments == ()
    assert done(app, "", HIRES.model_copy(update=wishes)).comments == ()
