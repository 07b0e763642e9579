"""Leaves behind what nobody can use, without raising anything."""

import torch

from modules import script_callbacks, scripts

chosen = {"what": ""}


class Clumsy(scripts.Script):
    def title(self):
        return "Clumsy"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def before_process(self, p):
        if chosen["what"] == "override_settings":
            p.override_settings = {"CLIP_stop_at_last_layers": "many"}

    def process(self, p):
        if chosen["what"] == "lists":
            p.all_negative_prompts, p.all_seeds = [], p.all_seeds[:1]

    def post_sample(self, p, ps):
        if chosen["what"] == "post_sample":
            ps.samples = torch.zeros(1)

    def postprocess_batch_list(self, p, pp, **kwargs):
        if chosen["what"] == "postprocess_batch_list":
            pp.images = [torch.zeros(1)]

    def postprocess_image(self, p, pp):
        if chosen["what"] == "postprocess_image":
            pp.image = "nothing"

    def postprocess(self, p, processed):
        if chosen["what"] == "postprocess":
            processed.images = [*processed.images, "/nowhere/at/all.png", 5]


def _after(params):
    if chosen["what"] == "cfg_after_cfg":
        params.x = None


script_callbacks.on_cfg_after_cfg(_after)
