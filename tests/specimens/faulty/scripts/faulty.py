"""Fails in the moment and in the way that a test chooses, after it has changed what it can."""

from modules import scripts

chosen = {"hook": "", "error": RuntimeError}


class Faulty(scripts.Script):
    def title(self):
        return "Faulty"

    def show(self, is_img2img):
        return scripts.AlwaysVisible


def _method(name):
    def method(self, p, *args, **kwargs):
        if name != chosen["hook"]:
            return
        p.steps += 1
        p.extra_generation_params["Faulty"] = "yes"
        if p.all_prompts:
            p.all_prompts[0] = "something else"
        for handed in args:
            for attribute in ("samples", "image", "blended_latent"):
                if hasattr(handed, attribute):
                    setattr(handed, attribute, None)
        for tensor in ("x", "images"):
            if tensor in kwargs:
                kwargs[tensor].mul_(0)
        raise chosen["error"]("by design")

    return method


HOOKS = (
    "setup",
    "before_process",
    "process",
    "before_process_batch",
    "after_extra_networks_activate",
    "process_batch",
    "process_before_every_sampling",
    "post_sample",
    "postprocess_batch",
    "postprocess_batch_list",
    "postprocess_image",
    "postprocess_image_after_composite",
    "postprocess",
)
for _name in HOOKS:
    setattr(Faulty, _name, _method(_name))
