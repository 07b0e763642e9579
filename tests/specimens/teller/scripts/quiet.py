"""A chosen script that gives a text and no picture."""

from modules import scripts
from modules.processing import Processed


class Quiet(scripts.Script):
    def title(self):
        return "Quiet"

    def run(self, p):
        return Processed(p, [], p.seed, "Nothing to do:\nthe folder is empty.")
