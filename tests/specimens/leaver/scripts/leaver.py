"""Changes the networks at work, and leaves them so unless a test chooses otherwise."""

import torch

from modules import scripts, shared

chosen = {"what": ""}
seen = {}


def halved(module, args, output):
    return output * 0.5


class Leaver(scripts.Script):
    def title(self):
        return "Leaver"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def process_batch(self, p, *args, **kwargs):
        what, unet = chosen["what"], shared.sd_model.unet
        convolution = unet.conv_in
        if what in ("padding", "padding, put back"):
            convolution.padding_mode = "circular"
        if what == "forward":
            ours = convolution.forward
            convolution.forward = lambda x: ours(x) * 0.5
        if what == "hook":
            convolution.register_forward_hook(halved)
        if what == "hook, removed":
            seen["handle"] = convolution.register_forward_hook(halved)
        if what == "weights":
            with torch.no_grad():
                convolution.weight.mul_(0.5)
        if what == "data":
            convolution.weight.data.copy_(convolution.weight.data * 0.5)
        if what == "other data":
            convolution.weight.data = convolution.weight.data * 0.5
        if what == "parameter":
            convolution.weight = torch.nn.Parameter(convolution.weight.detach() * 0.5)
        if what == "part":
            unet.conv_in = torch.nn.Sequential(convolution)
        if what == "class":
            convolution.__class__ = Halved

    def postprocess(self, p, processed, *args):
        if chosen["what"] == "padding, put back":
            shared.sd_model.unet.conv_in.padding_mode = "zeros"
        if chosen["what"] == "hook, removed":
            seen["handle"].remove()


class Halved(torch.nn.Conv2d):
    def forward(self, x):
        return super().forward(x) * 0.5
