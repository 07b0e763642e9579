"""process_images from inside a job: a chosen script's pictures are the job's."""

from __future__ import annotations

from collections.abc import Callable

from modules.studio.app import App
from modules.studio.infotext import read_infotext
from modules.studio.request import Txt2Img


def test_what_a_chosen_script_makes_are_the_pictures_of_the_job(open_extended: Callable[..., App]) -> None:
    app = open_extended("nested")
    asked = Txt2Img(prompt="red heart", seed=7, steps=3, width=64, height=64, batch_size=2, script_name="nested")
    end = app.engine.submit(asked, "local").wait()
    assert (end.state, end.comments) == ("done", ())
    texts = [read_infotext(image.infotext) for image in end.images]
    assert [text.prompt for text in texts] == ["red heart", "red heart", "a blue star"]
    assert [text.params["Steps"] for text in texts] == ["2"] * 3
    assert [text.params["Seed"] for text in texts] == ["7", "8", "7"]
    assert len(app.gallery.find("local")) == 3
