"""Writes down every moment of a job in which scripts and callbacks take part."""

from modules import script_callbacks, scripts

moments = []


class Recorder(scripts.Script):
    def title(self):
        return "Recorder"

    def show(self, is_img2img):
        return scripts.AlwaysVisible


def _method(name):
    def method(self, p, *args, **kwargs):
        moments.append(name)

    return method


for _name in (
    "setup",
    "before_process",
    "process",
    "before_process_batch",
    "after_extra_networks_activate",
    "process_batch",
    "process_before_every_sampling",
    "before_hr",
    "on_mask_blend",
    "post_sample",
    "postprocess_batch",
    "postprocess_batch_list",
    "postprocess_image",
    "postprocess_maskoverlay",
    "postprocess_image_after_composite",
    "postprocess",
):
    setattr(Recorder, _name, _method(_name))


def _callback(name):
    return lambda *args, **kwargs: moments.append(name)


for _name in ("cfg_denoiser", "cfg_denoised", "cfg_after_cfg", "before_image_saved", "image_saved", "image_grid"):
    getattr(script_callbacks, f"on_{_name}")(_callback(_name))
