"""Scripts of the Extras tab: one turns the picture over before it is enlarged, one makes a second picture of it."""

from PIL import Image, ImageOps

from modules import scripts_postprocessing


class Flip(scripts_postprocessing.ScriptPostprocessing):
    name = "Flip"
    order = 500

    def process(self, pp):
        pp.image = ImageOps.mirror(pp.image)
        pp.info["Postprocess flip"] = "yes"


class Negative(scripts_postprocessing.ScriptPostprocessing):
    name = "Negative"
    order = 4000

    def process(self, pp):
        if pp.image.width == 128:
            pp.extra_images.append(ImageOps.invert(pp.image.convert("RGB")))


class Broken(scripts_postprocessing.ScriptPostprocessing):
    name = "Broken"
    order = 5000

    def process(self, pp):
        pp.image = Image.new("RGB", (1, 1))
        raise ValueError("by design")
