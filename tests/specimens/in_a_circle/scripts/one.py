"""Imports a file that imports this one, as extensions do whose files A1111 runs once more for those who import them."""

from scripts.the_other import Shared


class One(Shared):
    def title(self):
        return "One"
