"""Options that extensions declare with `infotext=`: told in a picture's parameters, and read from them again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from modules.studio.app import App
from modules.studio.infotext import read_infotext, restored_here
from modules.studio.request import Txt2Img
from modules.web.generate import restored_values
from modules.web.server import build
from tests.a1111.test_face import run
from tests.a1111.test_order import QUICK
from tests.a1111.words import word

CHANGED: dict[str, Any] = {
    "labelled_on": True,
    "labelled_share": 0.25,
    "labelled_name": "two, three: four",
    "labelled_list": ["b", "c"],
    "labelled_secret": "told to nobody",
}


def opened(open_extended: Callable[..., App]) -> App:
    """With the options declared, as they are when the page is built."""
    app = open_extended("labelled")
    word("script_callbacks").ui_settings_callback()
    return app


def test_what_differs_from_its_default_is_told_and_restored(open_extended: Callable[..., App]) -> None:
    app = opened(open_extended)
    assert "Labelled" not in run(app, Txt2Img(**QUICK)).images[0].infotext
    text = run(app, Txt2Img(**QUICK, override_settings=CHANGED)).images[0].infotext
    told = {label: value for label, value in read_infotext(text).params.items() if label.startswith("Labelled")}
    assert told == {
        "Labelled on": "True",
        "Labelled share": "0.25",
        "Labelled name": "two, three: four",
        "Labelled list": '["b", "c"]',
    }
    values, problems = restored_values(app, text)
    wanted = {name: value for name, value in CHANGED.items() if name != "labelled_secret"}
    assert (values["override_settings"], problems) == (wanted, [])
    again = run(app, Txt2Img(**QUICK, override_settings=values["override_settings"]))
    assert again.images[0].infotext == text
    pairs = [f"{label}: {value}" for label, value in told.items()]
    assert word("infotext_utils").create_override_settings_dict(pairs)["labelled_on"] is True


def test_what_makes_no_sense_is_said(open_extended: Callable[..., App]) -> None:
    app = opened(open_extended)
    text = "a\nSteps: 1, Seed: 1, Size: 64x64, Labelled on: perhaps, Labelled share: many, Labelled list: [1"
    restored = restored_here(text, app.store.find_vae, app.settings.declared.values())
    assert [problem.partition(" is left")[0] for problem in restored.problems] == [
        "Labelled on",
        "Labelled share",
        "Labelled list",
    ]
    assert not restored.options.keys() & CHANGED.keys()


def test_the_api_takes_them_from_an_infotext_too(open_extended: Callable[..., App]) -> None:
    app = opened(open_extended)
    text = "red heart\nSteps: 1, Seed: 7, Size: 64x64, Labelled on: True, Labelled name: me"
    with TestClient(build(app, None), base_url="http://127.0.0.1:7860") as client:
        answer = client.post("/sdapi/v1/txt2img", json={"infotext": text})
    assert answer.status_code == 200
    assert "Labelled on: True, Labelled name: me" in answer.json()["info"]
