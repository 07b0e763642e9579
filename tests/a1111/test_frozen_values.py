"""What controls hold reaches a job unchanged, also over a restart: pictures, arrays, tables, files."""

from __future__ import annotations

import importlib
import json
import threading
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.request import Txt2Img
from modules.studio.uploads import NoSuchUploadError
from tests.a1111.words import word


def there_and_back(value: Any, box: Path | None = None) -> Any:
    """Frozen, through JSON as the queue writes it, and thawed again."""
    values = word("bridge.frozen_values")
    return values.thawed(json.loads(json.dumps(values.frozen(value, "ann", box))), "ann")


def test_pictures_come_back_in_their_mode_with_their_texts(studio: App) -> None:
    for mode in ("RGB", "RGBA", "L", "1"):
        picture = Image.effect_noise((6, 4), 90).convert(mode)
        picture.info["parameters"] = "a heart"
        again = there_and_back(picture)
        assert (again.mode, again.tobytes()) == (mode, picture.tobytes())
        assert again.info["parameters"] == "a heart"


def test_a_sketch_is_a_picture_and_its_mask(studio: App) -> None:
    red, white = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "white")
    again = there_and_back({"image": red, "mask": white})
    assert [again[name].getpixel((0, 0)) for name in ("image", "mask")] == [(255, 0, 0), (255, 255, 255)]


def test_arrays_numbers_tables_and_pairs_come_back(studio: App) -> None:
    pixels, sound = np.full((4, 6, 3), 7, np.uint8), np.arange(5, dtype=np.int16)
    assert np.array_equal(there_and_back(pixels), pixels)
    rate, samples = there_and_back((8000, sound))
    assert (rate, samples.dtype, samples.tolist()) == (8000, np.int16, [0, 1, 2, 3, 4])
    assert there_and_back(np.float32(0.5)) == 0.5
    table = importlib.import_module("pandas").DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert there_and_back(table).equals(table)
    assert there_and_back([("x", None)]) == [("x", None)]
    assert there_and_back(b"bytes") == b"bytes"


def test_a_file_is_put_down_again_when_its_job_begins(studio: App, tmp_path: Path) -> None:
    given = tmp_path / "exchange/1/words.txt"
    given.parent.mkdir(parents=True)
    given.write_text("quiet")
    frozen = word("bridge.frozen_values").frozen(str(given), "ann", tmp_path / "exchange")
    given.unlink()
    again = word("bridge.frozen_values").thawed(frozen, "ann")
    assert (Path(again).read_text(), Path(again.name).name) == ("quiet", "words.txt")
    with pytest.raises(NoSuchUploadError):
        word("bridge.frozen_values").thawed(frozen, "ben")


def test_only_the_path_of_a_file_in_a_box_is_a_file(studio: App, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (tmp_path / "exchange").mkdir()
    assert word("bridge.frozen_values").frozen(str(secret), "ann", tmp_path / "exchange") == str(secret)
    assert word("bridge.frozen_values").frozen(str(secret), "ann") == str(secret)


def test_a_job_is_not_queued_with_a_file_that_is_not_its_owners(studio: App) -> None:
    frozen = {"aquatint_upload": studio.uploads.add_file(b"x", "ann"), "aquatint_file": "a.txt"}
    request = Txt2Img(prompt="heart", steps=1, width=64, height=64, alwayson_scripts={"Media": (frozen,)})
    with pytest.raises(NoSuchUploadError):
        studio.engine.submit(request, "ben")
    studio.engine.pause(True)
    assert studio.engine.submit(request, "ann").id


def test_what_was_never_frozen_is_refused_in_a_sentence(studio: App) -> None:
    id = word("bridge.frozen_values").frozen(Image.new("RGB", (4, 4)), "ann")["aquatint_upload"]
    for value in ({"aquatint_table": {"x": 1}}, {"aquatint_upload": id, "aquatint_mode": "nonsense"}):
        with pytest.raises(AquatintError, match="cannot be read"):
            word("bridge.frozen_values").thawed(value, "ann")


def test_files_in_boxes_are_not_kept_for_the_next_visit() -> None:
    forms = word("bridge.page_forms")
    with gr.Blocks():
        box, text = gr.File(), gr.Textbox()
    assert forms._plain("/exchange/1/words.txt", box) == []
    assert forms._plain("/exchange/1/words.txt", text) == ["/exchange/1/words.txt"]
    assert forms._shown(box, ["/exchange/1/words.txt"]) == gr.skip()


def test_of_what_is_painted_the_last_few_stay_and_no_part_is_lost() -> None:
    kept = word("bridge.gradio_words.sketch").LastFew()
    parts: list[Any] = []

    def arrives() -> None:
        parts.append(kept.get("one", []))

    threads = [threading.Thread(target=arrives) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {id(part) for part in parts} == {id(kept["one"])}
    for number in range(20):
        kept.get(f"later {number}", [number])
    assert (len(kept), kept.get("one"), kept.get("later 19")) == (16, None, [19])
