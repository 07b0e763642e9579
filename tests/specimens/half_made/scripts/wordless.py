"""Its controls cannot be made, so that its methods would lack their arguments."""

from modules import scripts


class Wordless(scripts.Script):
    def title(self):
        return "Wordless"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        raise ValueError("by design")

    def process(self, p, enabled, strength):
        p.steps = strength
