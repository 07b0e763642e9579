"""What runs in the scratch program of a trial: a small picture without the extension, the whole page with it, and the
same picture again."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from modules.studio.app import App, open_app
from modules.studio.command_line import ROOT, Flags
from modules.studio.extension_trial import Fence, Trial, outcome_line
from modules.studio.hooks import Hooks
from modules.studio.image_files import open_picture
from modules.studio.job import LOCAL, Progress
from modules.studio.request import Txt2Img
from modules.web.additions import Additions
from modules.web.server import build

from .containment import containment
from .extension_page import page
from .opening import open_bridge
from .scripts_over_http import ScriptsOverHttp

PICTURE = {"prompt": "a red heart", "seed": 7, "steps": 1, "width": 64, "height": 64}


def try_alone(flags: Flags, name: str) -> str:
    """The line that says how it went; `flags` name the scratch folder, which holds the extension."""
    scratch = [flags.data_dir, Path(tempfile.gettempdir())]
    fence = Fence([*scratch, Path(os.environ.get("GRADIO_TEMP_DIR", tempfile.gettempdir()))])
    quick = dataclasses.replace(flags, models_dir=ROOT / "models", device="cpu", no_half=True)

    def fenced(app: App) -> Sequence[Hooks]:
        fence.put_up()
        return open_bridge(app)

    alone = open_app(quick)
    plain, _ = _picture_of(alone)
    alone.close()
    app = open_app(quick, hooks=fenced)
    build(app, None, page.added_to(Additions(scripts=ScriptsOverHttp()), app))
    picture, end = _picture_of(app)
    conduct = containment.conduct(name)
    faults = [conduct.last_error] if conduct.faults else []
    if end.error:
        faults.append(end.error)
    fence.up = False
    same = picture == plain if picture and plain else None
    trial = Trial(True, bool(end.images), same, faults, fence.refused, dict(conduct.seconds))
    return outcome_line(trial)


def _picture_of(app: App) -> tuple[bytes, Progress]:
    """The pixels of the small picture, or none, and how its job ended."""
    end = app.engine.submit(Txt2Img.model_validate(PICTURE), LOCAL).wait(180)
    pixels = [open_picture(app.gallery.read(image.id, LOCAL)[0]).tobytes() for image in end.images]
    return b"".join(pixels), end
