"""Changes every picture, whatever anybody has set."""

from PIL import ImageOps

from modules import scripts


class Always(scripts.Script):
    def title(self):
        return "Always"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def postprocess_image(self, p, pp, *args):
        pp.image = ImageOps.invert(pp.image)
