"""A specimen whose controls cannot be made."""
from modules import scripts


class Broken(scripts.Script):
    def title(self):
        return "Broken words"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        raise RuntimeError("these controls cannot be made")
