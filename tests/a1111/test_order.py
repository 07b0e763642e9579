"""The order in which A1111 calls scripts and callbacks, kept for each kind of job."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from modules.studio.app import App
from modules.studio.request import Txt2Img

QUICK = {"prompt": "red heart", "seed": 7, "steps": 2, "width": 64, "height": 64, "sampler_name": "Euler a"}


def moments(app: App, request: Any) -> list[str]:
    """What the recorder heard of a job."""
    recorder: Any = sys.modules["scripts.recorder"]
    recorder.moments.clear()
    end = app.engine.submit(request, "local").wait()
    assert (end.state, end.error, end.comments) == ("done", "", ())
    return list(recorder.moments)


BEFORE = ["setup", "before_process", "process"]
BATCH = [
    *("before_process_batch", "after_extra_networks_activate", "process_batch", "process_before_every_sampling"),
    *["cfg_denoiser", "cfg_after_cfg"] * 2,
    *("post_sample", "postprocess_batch", "postprocess_batch_list"),
]


def test_words_to_one_picture(open_extended: Callable[..., App]) -> None:
    assert moments(open_extended("recorder"), Txt2Img(**QUICK)) == [
        *BEFORE,
        *BATCH,
        *("postprocess_image", "postprocess_image_after_composite", "before_image_saved", "image_saved"),
        "postprocess",
    ]
