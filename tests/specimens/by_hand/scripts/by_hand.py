"""Takes noise, prompts, masks and samplers into its own hands, as extensions do; a test chooses what."""

from copy import copy

import numpy as np
import torch
from PIL import Image

from modules import prompt_parser, rng, scripts, sd_samplers

chosen = {"what": ""}
seen = {}


class Halved:
    """Stands before another rng."""

    def __init__(self, other):
        self.rng = other

    def next(self):
        return self.rng.next() * 0.5


class ByHand(scripts.Script):
    def title(self):
        return "By hand"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def before_process_batch(self, p, *args, **kwargs):
        what = chosen["what"]
        if what == "rng":
            p.rng = Halved(p.rng)
        if what == "other rng":
            p.rng = rng.ImageRNG(p.rng.shape, [99] * len(p.seeds))
        if what == "same rng":
            seen["rng"] = (p.rng.shape, list(p.rng.seeds), p.rng.subseed_strength)
        if what == "wrong rng":
            p.rng = rng.ImageRNG((4, 3, 3), p.seeds)

    def process_batch(self, p, *args, **kwargs):
        what = chosen["what"]
        if what == "wrap":
            ours = p.sample

            def sample(conditioning, unconditional_conditioning, seeds, subseeds, subseed_strength, prompts):
                seen["sample"] = (type(conditioning).__name__, len(unconditional_conditioning), list(seeds), list(prompts))
                seen["latents"] = ours(conditioning, unconditional_conditioning, seeds, subseeds, subseed_strength, prompts)
                return seen["latents"]

            p.sample = sample
        if what == "negated":
            ours = p.sample
            p.sample = lambda **words: -ours(**words)
        if what == "failing":
            ours = p.sample

            def failing(**words):
                ours(**words)
                raise ValueError("afterwards")

            p.sample = failing
        if what == "by hand":

            def by_hand(conditioning, unconditional_conditioning, **_):
                p.sampler = sd_samplers.create_sampler(p.sampler_name, p.sd_model)
                x = p.rng.next()
                return p.sampler.sample(
                    p, x, conditioning, unconditional_conditioning, image_conditioning=p.txt2img_image_conditioning(x)
                )

            p.sample = by_hand
        if what == "larger":

            def larger(conditioning, unconditional_conditioning, **_):
                p.sampler = sampler = sd_samplers.create_sampler(p.sampler_name, p.sd_model)
                small = sampler.sample(p, p.rng.next(), conditioning, unconditional_conditioning)
                latents = torch.nn.functional.interpolate(small, scale_factor=2)
                p.rng = rng.ImageRNG(latents.shape[1:], p.seeds)
                p.denoising_strength = 0.5
                return sampler.sample_img2img(p, latents, p.rng.next(), conditioning, unconditional_conditioning)

            p.sample = larger
        if what == "other prompt":
            ours = p.sample

            def other(conditioning, unconditional_conditioning, **_):
                blue = prompt_parser.get_multicond_learned_conditioning(p.sd_model, ["blue star"], p.steps)
                return ours(blue, unconditional_conditioning)

            p.sample = other

    def process_before_every_sampling(self, p, *args, x=None, noise=None, c=None, uc=None, **kwargs):
        seen["sampler"] = (p.sampler.name, p.sampler.config.name, p.sampler.last_latent)
        seen["c"], seen["uc"] = c, uc
        seen["x"], seen["noise"] = x.clone(), noise.clone()
        seen["masks"] = [None if each is None else each.clone() for each in (p.init_latent, p.mask, p.nmask)]
        what = chosen["what"]
        if what == "nothing in c":
            c.batch[0][0].schedules[0].cond.zero_()
        if what == "failing before":
            c.batch[0][0].schedules[0].cond.zero_()
            c.batch[0].append(None)
            uc[0][0].cond.zero_()
            p.init_latent = p.nmask = None
            raise ValueError("halfway")
        if what == "swapped":
            uc[0] = c.batch[0][0].schedules
        if what == "half a batch":
            uc.clear()
        if what == "one more part":
            c.batch[0].append(prompt_parser.ComposableScheduledPromptConditioning(uc[0], 0.5))
        if what == "whole mask":
            p.nmask = torch.ones_like(p.nmask)
        if what == "black latents":
            p.init_latent = torch.zeros_like(p.init_latent)

    def postprocess_image(self, p, pp, *args):
        if chosen["what"] != "once more":
            return
        twin = copy(p)
        twin.denoising_strength, twin.cfg_scale, twin.batch_size = 0.5, chosen["scale"], 1
        pixels = torch.from_numpy(np.asarray(pp.image.resize((128, 128))) / 127.5 - 1).movedim(-1, 0)[None].float()
        latents = p.sd_model.encode_first_stage(pixels)
        seen["conditioning"] = twin.img2img_image_conditioning(pixels, latents)
        c = prompt_parser.get_multicond_learned_conditioning(p.sd_model, [p.prompt], 4)
        uc = prompt_parser.get_learned_conditioning(p.sd_model, [""], 4)
        twin.rng = rng.ImageRNG(latents.shape[1:], p.seeds)
        sampler = sd_samplers.create_sampler(p.sampler_name, p.sd_model)
        made = sampler.sample_img2img(twin, latents, twin.rng.next(), c, uc, 4, seen["conditioning"])
        values = (p.sd_model.decode_first_stage(made)[0].clamp(-1, 1) + 1) * 127.5
        pp.image = Image.fromarray(values.byte().movedim(0, -1).cpu().numpy())

    def postprocess_batch(self, p, *args, **kwargs):
        what = chosen["what"]
        seen["last"] = p.sampler.last_latent
        if what == "overlays":
            seen["overlays"] = [each.mode for each in p.overlay_images], p.mask_for_overlay.size, p.paste_to
        if what == "no overlays":
            p.overlay_images = None
        if what == "other overlay":
            p.overlay_images[0] = Image.new("RGBA", p.overlay_images[0].size, (0, 255, 0, 255))
        if what == "painted overlay":
            p.overlay_images[0].paste((0, 255, 0, 255), (0, 0, 64, 64))
        if what == "no colours":
            seen["colours"] = len(p.color_corrections)
            p.color_corrections = None
