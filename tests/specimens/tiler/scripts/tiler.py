"""Reaches for the model's layers, for A1111's own script that enlarges, and for the package that it lies in."""

import scripts as package
from scripts import postprocessing_upscale
from torch.nn import Conv2d

import modules.sd_hijack
from modules import scripts, shared

seen = {"file": package.__file__}


def layers():
    return [layer for layer in modules.sd_hijack.model_hijack.layers if type(layer) is Conv2d]


def enlarged(picture):
    pp = postprocessing_upscale.scripts_postprocessing.PostprocessedImage(picture)
    script = postprocessing_upscale.ScriptPostprocessingUpscale()
    script.process(pp, upscale_mode=2, upscale_by=2, upscaler_1_name="Lanczos", upscaler_2_name=None)
    script.process(pp, upscale_to_width=48, upscale_to_height=48, upscaler_1_name="Nearest")
    script.process(pp, upscale_mode=0, upscale_by=4, max_side_length=64, upscaler_1_name="Nearest")
    script.process(pp, upscaler_1_name="None")
    return pp


class Tiler(scripts.Script):
    def title(self):
        return "Tiler"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        import gradio as gr

        return [gr.Checkbox(False, label="Tile")]

    def process(self, p, on):
        seen["products"] = shared.sd_model.alphas_cumprod
        for layer in layers() if on else ():
            layer.padding_mode = "circular"

    def postprocess(self, p, processed, on):
        for layer in layers():
            layer.padding_mode = "zeros"
