"""Assigns what extensions assign to p, in the moments in which they do."""

from PIL import Image

from modules import scripts

wanted = {}
"""hook -> {attribute: value}, chosen by a test."""
seen = {}


class Assigner(scripts.Script):
    def title(self):
        return "Assigner"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def _assign(self, hook, p):
        for name, value in wanted.get(hook, {}).items():
            setattr(p, name, value)

    def before_process(self, p):
        self._assign("before_process", p)
        seen["width"], seen["is_img2img"] = p.width, hasattr(p, "init_images")
        p.own_word = "kept"

    def process(self, p):
        self._assign("process", p)
        seen["own_word"], seen["all_seeds"] = p.own_word, list(p.all_seeds)
        p.extra_generation_params["Fixed"] = "a, b"
        p.extra_generation_params["Listed"] = [f"number {index}" for index in range(len(p.all_prompts))]
        p.extra_generation_params["Asked"] = lambda index, all_seeds, **_: f"seed is {all_seeds[index]}"
        if wanted.get("prompts"):
            p.all_prompts[:] = wanted["prompts"]
        if wanted.get("first picture"):
            p.init_images[0] = Image.new("RGB", (64, 64), wanted["first picture"])

    def process_batch(self, p, **kwargs):
        self._assign("process_batch", p)
        seen["batch"] = (kwargs["batch_number"], list(kwargs["prompts"]), list(kwargs["seeds"]))

    def postprocess(self, p, processed):
        seen["infotexts"] = list(processed.infotexts)
        seen["js"] = processed.js()
