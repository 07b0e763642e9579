"""Takes the second pass of hires fix into its own hands, as extensions do; a test chooses what."""

import torch

from modules import processing, scripts

chosen = {"what": ""}
seen = {}


class SecondPass(scripts.Script):
    def title(self):
        return "Second pass"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def process(self, p, *args):
        what = chosen["what"]
        ours = p.sample_hr_pass
        if what == "wrap":

            def wrap(samples, decoded_samples, seeds, subseeds, subseed_strength, prompts):
                seen["before"] = (p.is_hr_pass, tuple(samples.shape), decoded_samples, list(seeds), list(prompts))
                seen["made"] = ours(samples, decoded_samples, seeds, subseeds, subseed_strength, prompts)
                seen["after"] = p.is_hr_pass
                return seen["made"]

            p.sample_hr_pass = wrap
        if what == "twice":

            def twice(*given):
                made = processing.DecodedSamples()
                before = p.seeds
                for seed in (7, 99):
                    p.seeds = [seed]
                    made.extend(ours(*given))
                p.seeds = before
                return made

            p.sample_hr_pass = twice
        if what == "nothing":
            p.sample_hr_pass = lambda samples, *others: ours(torch.zeros_like(samples), *others)
        if what == "black":
            p.sample_hr_pass = lambda samples, decoded, *others: ours(samples, -torch.ones_like(decoded), *others)
        if what == "instead":
            p.sample_hr_pass = lambda *_: processing.DecodedSamples([torch.ones(3, 32, 48)])
        if what == "latents":
            p.sample_hr_pass = lambda samples, *_: samples
        if what == "failing":

            def failing(*given):
                ours(*given)
                raise ValueError("afterwards")

            p.sample_hr_pass = failing
        if what == "rubbish":
            p.sample_hr_pass = lambda *_: "a picture"

    def process_batch(self, p, *args, **kwargs):
        if chosen["what"] == "own sample":

            def own(conditioning, unconditional_conditioning, seeds, subseeds, subseed_strength, prompts):
                p.sampler = seen["sampler"](p.sampler_name, p.sd_model)
                samples = p.sampler.sample(p, p.rng.next(), conditioning, unconditional_conditioning)
                return p.sample_hr_pass(samples, None, seeds, subseeds, subseed_strength, prompts)

            p.sample = own

    def before_hr(self, p, *args):
        seen["before_hr"] = (p.is_hr_pass, p.rng.shape, p.hr_c.shape, p.sampler and p.sampler.name)
        if chosen["what"] == "guided":
            p.cfg_scale = 2
        if chosen["what"] == "shorter":
            p.hr_second_pass_steps = 1

    def post_sample(self, p, ps, *args):
        seen["post_sample"] = getattr(ps.samples, "already_decoded", False)
        if chosen["what"] == "inverted":
            ps.samples = processing.DecodedSamples([-each for each in ps.samples])

    def postprocess_batch(self, p, *args, **kwargs):
        seen["postprocess_batch"] = p.is_hr_pass

    def postprocess_batch_list(self, p, pp, *args, **kwargs):
        if chosen["what"] == "twice":
            p.prompts = p.prompts * 2
            p.negative_prompts = p.negative_prompts * 2
            p.seeds = [7, 99]
            p.subseeds = p.subseeds * 2
        if chosen["what"] == "more":
            pp.images.append(1 - pp.images[0])
        if chosen["what"] == "fewer":
            del pp.images[1:]
