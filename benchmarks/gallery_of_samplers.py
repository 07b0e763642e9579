"""One contact sheet of every sampler on the starter, so that a broken one is seen at a glance.

python -m benchmarks.gallery_of_samplers: writes docs/gallery-of-samplers.md and the picture that it shows.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw

from modules.diffusion.samplers import SAMPLERS
from modules.studio.app import App, open_app
from modules.studio.command_line import ROOT, read_flags
from modules.studio.request import Txt2Img

STEPS, SIDE, GUIDANCE, SEED = 20, 128, 5.0, 7
PROMPTS = ("red heart", "grinning face")
COLUMNS, LABEL = 5, 16
DOCS = ROOT / "docs"
PICTURE = Path("images") / "samplers.webp"

PAGE = """# Gallery of samplers

Written by `python -m benchmarks.gallery_of_samplers`; do not edit.

Every sampler on the starter checkpoint: {steps} steps, its own schedule, {side} x {side} pixels,
guidance {guidance:g}, seed {seed}, and the prompts {prompts}.
What each was checked against is in [samplers](samplers.md).

![A contact sheet: two pictures of every sampler, {count} samplers]({picture})

LCM wants a model that was distilled for it, which the starter is not.
"""


def main() -> None:
    """Makes the pictures and the page."""
    with TemporaryDirectory() as data:
        app = open_app(read_flags(["--data-dir", data], {}))
        try:
            strips = {name: strip(app, name) for name in SAMPLERS}
        finally:
            app.close()
    sheet(strips).save(DOCS / PICTURE, quality=85, method=6)
    prompts = " and ".join(f'"{prompt}"' for prompt in PROMPTS)
    facts = {"steps": STEPS, "side": SIDE, "guidance": GUIDANCE, "seed": SEED, "count": len(strips)}
    page = PAGE.format(prompts=prompts, picture=PICTURE.as_posix(), **facts)
    (DOCS / "gallery-of-samplers.md").write_text(page, encoding="utf-8")


def strip(app: App, sampler: str) -> Image.Image:
    """The sampler's pictures side by side, its name below."""
    whole = Image.new("RGB", (SIDE * len(PROMPTS), SIDE + LABEL), "white")
    for place, prompt in enumerate(PROMPTS):
        request = Txt2Img(
            prompt=prompt, steps=STEPS, width=SIDE, height=SIDE, cfg_scale=GUIDANCE, seed=SEED, sampler_name=sampler
        )
        end = app.engine.submit(request, "local").wait()
        assert end.state == "done", f"{sampler}: {end.error}"
        path = end.images[0].path
        assert path is not None
        with Image.open(path) as picture:
            whole.paste(picture, (place * SIDE, 0))
    ImageDraw.Draw(whole).text((2, SIDE + 2), sampler, fill="black")
    print(sampler, flush=True)
    return whole


def sheet(strips: dict[str, Image.Image]) -> Image.Image:
    """All strips, row by row."""
    width, height, gap = SIDE * len(PROMPTS), SIDE + LABEL, 6
    rows = -(-len(strips) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * (width + gap) - gap, rows * (height + gap) - gap), "white")
    for place, each in enumerate(strips.values()):
        whole.paste(each, (place % COLUMNS * (width + gap), place // COLUMNS * (height + gap)))
    return whole


if __name__ == "__main__":
    main()
