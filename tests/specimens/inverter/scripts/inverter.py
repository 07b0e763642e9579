"""Callbacks that change what the network is asked and what it has answered."""

import torch

from modules import script_callbacks

chosen = {"what": ""}


def _denoiser(params):
    assert len(params.x) == len(params.sigma) == len(params.text_cond) + len(params.text_uncond)
    if chosen["what"] == "prompt":
        params.text_cond[:] = params.text_uncond
    if chosen["what"] == "data":
        params.text_cond.data, params.text_uncond.data = chosen["data"], chosen["data"].clone()
        params.x.data = params.x * 1
    if chosen["what"] == "keep":
        with torch.inference_mode(False):
            chosen["data"] = params.text_uncond.clone()
    if chosen["what"] == "sigma":
        params.sigma *= 0.9
    if chosen["what"] == "sigma of the negative":
        params.sigma[len(params.text_cond) :] *= 0.9
    if chosen["what"] == "x":
        params.x = params.x * 0.5


    if chosen["what"] == "one more":
        count = len(params.text_cond)
        params.text_cond = torch.cat([params.text_cond, params.text_uncond])
        params.x = torch.cat([params.x[:count], params.x[count:], params.x[count:]])
        params.sigma = torch.cat([params.sigma, params.sigma[count:]])
    if chosen["what"] == "one less":
        params.text_cond = params.text_cond[:0]


def _denoised(params):
    chosen["rows"] = [row.clone() for row in params.x]
    if chosen["what"] == "answer":
        params.x[0].mul_(0.5)


def _after(params):
    if chosen["what"] == "guided":
        params.x = params.x * 0.5


script_callbacks.on_cfg_denoiser(_denoiser)
script_callbacks.on_cfg_denoised(_denoised)
script_callbacks.on_cfg_after_cfg(_after)
script_callbacks.on_before_image_saved(lambda params: params.pnginfo.update(parameters=params.pnginfo["parameters"] + ", Added: 1"))
