"""The Gallery tab: every picture of the person who looks, found again by words, model, sampler or date."""

from __future__ import annotations

from modules.diffusion.samplers import SAMPLERS
from modules.web.mounts import mount
from modules.web.slots import Page, Tab


def gallery_tab(page: Page) -> Tab:
    return Tab(
        "Gallery",
        "tab_gallery",
        lambda: mount(page.assets, "gallery", elem_id="aquatint_gallery", options={"samplers": list(SAMPLERS)}),
    )
