"""Puts functions in the place of what A1111 calls on p during a job; a test chooses which."""

import torch

from modules import processing, scripts

chosen = {"what": ""}
seen = {}
moments = []
METHODS = (
    *("fill_fields_from_opts", "setup_prompts", "init", "parse_extra_network_prompts", "setup_conds", "sample"),
    *("save_samples", "close"),
)


def noted(name, method):
    def call(*args, **words):
        moments.append(name)
        return method(*args, **words)

    return call


def told(p, all_prompts, all_seeds, all_subseeds, *args, index=None, **words):
    p.extra_generation_params["Told so"] = f"{index} {all_seeds[index]} {all_prompts[index]}"
    return ours(p, all_prompts, all_seeds, all_subseeds, *args, index=index, **words)


ours = processing.create_infotext
chosen["told"] = told


class Caller(scripts.Script):
    def title(self):
        return "Caller"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def before_process(self, p, *args):
        moments.append("before_process")
        what = chosen["what"]
        if what == "all":
            for name in METHODS:
                setattr(p, name, noted(name, getattr(p, name)))
        if what == "prompts":
            ours = p.setup_prompts

            def setup_prompts():
                ours()
                p.all_prompts = [f"{prompt} star" for prompt in p.all_prompts]

            p.setup_prompts = setup_prompts
        if what == "failing":

            def failing():
                p.all_prompts = ["nothing"]
                raise ValueError("halfway")

            p.setup_prompts = failing
        if what == "styles":
            p.styles = [*p.styles, "starry"]
        if what == "unsaved":
            p.save_samples = lambda: False
        if what == "levels":
            p.sampler_noise_scheduler_override = lambda steps: seen["levels"][: steps + 1]
        if what == "wrong levels":
            p.sampler_noise_scheduler_override = lambda steps: torch.ones(steps + 1)
        if what == "no networks":
            p.disable_extra_networks = True

    def process(self, p, *args):
        moments.append("process")
        names = ("main_prompt", "all_hr_prompts", "hr_second_pass_steps", "hr_sampler_name", "latent_scale_mode")
        names += ("hr_upscale_to_x", "truncate_y", "hr_checkpoint_info", "refiner_checkpoint_info")
        seen.update({name: getattr(p, name, "absent") for name in names})
        if chosen["what"] == "again":
            p.prompt = "blue star"
            p.setup_prompts()
        if chosen["what"] == "all hr prompts":
            p.all_hr_prompts[0] = "blue star"
        if chosen["what"] == "told":
            p.extra_generation_params["Told"] = lambda p, index, prompt_text, **_: f"{index} {prompt_text}"

    def before_process_batch(self, p, *args, **kwargs):
        moments.append("before_process_batch")

    def process_batch(self, p, *args, **kwargs):
        moments.append("process_batch")
        seen["firstpass_steps"], seen["networks"] = p.firstpass_steps, dict(p.extra_network_data)
        if chosen["what"] == "larger":
            p.hr_upscale_to_x = p.hr_upscale_to_y = 192

    def process_before_every_sampling(self, p, *args, x=None, **kwargs):
        seen["conditioning"] = [
            tuple(each.shape)
            for each in (
                p.txt2img_image_conditioning(x),
                p.img2img_image_conditioning(torch.zeros(1, 3, 64, 64), x, torch.ones(1, 1, 64, 64)),
            )
        ]
        seen["prompts"] = list(p.prompts)
        seen["conds"] = [len(each) for each in (p.get_conds()[0].batch, p.get_conds()[1])]

    def postprocess_batch(self, p, *args, **kwargs):
        moments.append("postprocess_batch")

    def postprocess_batch_list(self, p, pp, *args, **kwargs):
        moments.append("postprocess_batch_list")
        if chosen["what"] == "other seed":
            p.seeds = [99]

    def postprocess_image(self, p, pp, *args):
        moments.append("postprocess_image")

    def postprocess(self, p, processed, *args):
        moments.append("postprocess")
