"""Gives pictures other names and files other texts, as extensions do when a picture is about to be saved."""

from pathlib import Path

from modules import script_callbacks

chosen = {}
"""What a test wants: filename, pnginfo, without."""
seen = []


def _before(params):
    path = Path(params.filename)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".csv").write_text("beside")
    if "filename" in chosen:
        params.filename = chosen["filename"].format(folder=path.parent, stem=path.stem)
    params.pnginfo.update(chosen.get("pnginfo", {}))
    for name in chosen.get("without", ()):
        del params.pnginfo[name]


script_callbacks.on_before_image_saved(_before)
script_callbacks.on_image_saved(lambda params: seen.append((params.filename, dict(params.pnginfo))))
