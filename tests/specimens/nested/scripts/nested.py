"""A chosen script that makes pictures by process_images, from the job's p and from one of its own."""

from modules import scripts
from modules.processing import StableDiffusionProcessingImg2Img, process_images


class Nested(scripts.Script):
    def title(self):
        return "Nested"

    def run(self, p):
        p.steps = 2
        first = process_images(p)
        again = StableDiffusionProcessingImg2Img(
            sd_model=p.sd_model,
            outpath_samples=p.outpath_samples,
            prompt="a blue star",
            seed=first.seed,
            sampler_name=p.sampler_name,
            steps=2,
            width=p.width,
            height=p.height,
            init_images=[first.images[0]],
            denoising_strength=0.6,
            do_not_save_samples=True,
        )
        second = process_images(again)
        first.images += second.images
        first.infotexts += second.infotexts
        return first
