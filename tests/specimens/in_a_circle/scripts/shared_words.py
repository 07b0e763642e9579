"""What both of them need."""

from modules import scripts


class Shared(scripts.Script):
    def title(self):
        return "Shared"

    def show(self, is_img2img):
        return scripts.AlwaysVisible
