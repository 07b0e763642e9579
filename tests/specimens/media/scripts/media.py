"""A specimen: boxes for pictures and files, as extensions for Gradio 3 have them in their controls and tabs."""

import tempfile
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from modules import script_callbacks, scripts
from modules.processing import StableDiffusionProcessingTxt2Img, process_images

SEEN = []


class Media(scripts.Script):
    """Writes into the infotext what its boxes held."""

    def title(self):
        return "Media"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        with gr.Accordion("Media", open=False, elem_id=self.elem_id("fold")):
            pil = gr.Image(source="upload", type="pil", label="As PIL", elem_id=self.elem_id("pil"))
            array = gr.Image(source="upload", type="numpy", label="As an array", elem_id=self.elem_id("array"))
            path = gr.Image(source="upload", type="filepath", label="As a path", elem_id=self.elem_id("path"))
            sketch = gr.Image(source="upload", tool="sketch", type="pil", label="Sketch", elem_id=self.elem_id("sketch"))
            file = gr.File(label="A file", type="file", elem_id=self.elem_id("file"))
        return [pil, array, path, sketch, file]

    def process(self, p, pil, array, path, sketch, file):
        SEEN.append((pil, array, path, sketch, file))
        if pil is not None:
            p.extra_generation_params["Media PIL"] = f"{pil.mode} {pil.width}x{pil.height} {pil.getpixel((0, 0))}"
        if array is not None:
            p.extra_generation_params["Media array"] = f"{type(array).__name__} {array.shape}"
        if path is not None:
            p.extra_generation_params["Media path"] = f"{Path(path).name} {Image.open(path).size}"
        if sketch is not None:
            white = int((np.asarray(sketch["mask"].convert("L")) > 127).sum())
            p.extra_generation_params["Media sketch"] = f"{sketch['image'].size} painted {white > 0}"
        if file is not None:
            p.extra_generation_params["Media file"] = Path(file.name).read_text().strip()


def inverted(picture):
    return Image.fromarray(255 - picture)


def many(picture):
    return [(picture, "as it was"), (inverted(np.asarray(picture)), "inverted")]


def written(file):
    path = Path(tempfile.mkdtemp()) / "shouted.txt"
    path.write_text(Path(file.name).read_text().upper())
    return str(path)


def painted(prompt):
    p = StableDiffusionProcessingTxt2Img(prompt=prompt, steps=2, width=64, height=64, seed=7)
    return process_images(p).images[0]


def on_ui_tabs():
    with gr.Blocks(analytics_enabled=False) as page:
        with gr.Row():
            given = gr.Image(label="Given", source="upload", type="numpy", elem_id="media_given")
            shown = gr.Image(label="Shown", interactive=False, elem_id="media_shown")
        with gr.Row():
            invert = gr.Button("Invert", elem_id="media_invert")
            collect = gr.Button("Collect", elem_id="media_collect")
            paint = gr.Button("Paint", elem_id="media_paint")
        gallery = gr.Gallery(label="Gallery", elem_id="media_gallery").style(grid=2)
        with gr.Row():
            text = gr.File(label="Text", elem_id="media_text")
            louder = gr.File(label="Louder", interactive=False, elem_id="media_louder")
        shout = gr.Button("Shout", elem_id="media_shout")
        invert.click(inverted, inputs=[given], outputs=[shown])
        collect.click(lambda picture: many(Image.fromarray(picture)), inputs=[given], outputs=[gallery])
        paint.click(lambda: painted("a red heart"), inputs=[], outputs=[shown])
        shout.click(written, inputs=[text], outputs=[louder])
    return [(page, "Media", "media")]


script_callbacks.on_ui_tabs(on_ui_tabs)
