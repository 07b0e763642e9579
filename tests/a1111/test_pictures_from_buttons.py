"""`process_images` where no job runs, as the function of an extension's button calls it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from gradio.context import LocalContext

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from tests.a1111.words import word


def paint(**words: object) -> Any:
    """What comes of a small p."""
    processing = word("processing")
    p = processing.StableDiffusionProcessingTxt2Img(
        **{"prompt": "red heart", "steps": 1, "width": 64, "height": 64, "seed": 7, "batch_size": 2, **words}
    )
    return processing.process_images(p)


def test_without_any_extension_there_are_pictures_too(studio: App) -> None:
    processed = paint()
    assert [image.size for image in processed.images] == [(64, 64), (64, 64)]
    assert processed.all_seeds == [7, 8]
    assert "Seed: 8" in processed.infotexts[1]


def test_with_an_extension_they_are_the_same(open_extended: Callable[..., App]) -> None:
    open_extended("nested")
    processed = paint()
    assert [image.size for image in processed.images] == [(64, 64), (64, 64)]
    assert processed.all_seeds == [7, 8]


def test_they_belong_to_who_pressed_the_button(studio: App) -> None:
    token = LocalContext.request.set(SimpleNamespace(username="ann"))
    paint(batch_size=1)
    LocalContext.request.reset(token)
    assert [len(studio.gallery.find(owner)) for owner in ("ann", "local")] == [1, 0]


def test_a_paused_queue_is_said_and_not_waited_for(studio: App) -> None:
    studio.engine.pause(True)
    with pytest.raises(AquatintError, match="paused"):
        paint()
