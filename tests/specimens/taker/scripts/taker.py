"""Puts functions of its own in the place of A1111's: how prompts are read, and how the answers to them are joined."""

from functools import partial

import gradio as gr

from modules import prompt_parser, scripts, sd_samplers
from modules.script_callbacks import on_script_unloaded

wanted = {"": ""}


def prompt_list(prompts, original):
    if wanted[""] == "read badly":
        raise ValueError("not today")
    if wanted[""] == "read":
        read = prompt_parser.SdConditioning([each.replace("BOTH", "AND") for each in prompts], copy_from=prompts)
        return original(read)
    return original(prompts)


def combine(x_out, conds_list, uncond, cond_scale, original):
    if wanted[""] == "combine badly":
        raise ValueError("not today")
    return original(x_out, conds_list, uncond, cond_scale * 2)


def create_sampler(name, model):
    sampler = made(name, model)
    if wanted[""].startswith("combine"):
        cfg = sampler.model_wrap_cfg
        cfg.combine_denoised = partial(combine, original=cfg.combine_denoised)
    return sampler


listed, made = prompt_parser.get_multicond_prompt_list, sd_samplers.create_sampler
prompt_parser.get_multicond_prompt_list = partial(prompt_list, original=listed)
sd_samplers.create_sampler = create_sampler


def give_back():
    prompt_parser.get_multicond_prompt_list, sd_samplers.create_sampler = listed, made


on_script_unloaded(give_back)


class Taker(scripts.Script):
    def title(self):
        return "Taker"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        return [gr.Textbox(label="Wanted")]

    def process(self, p, what):
        wanted[""] = what or ""
