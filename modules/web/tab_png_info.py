"""The PNG Info tab: what is written in a picture's file, and where to send it."""

from __future__ import annotations

from modules.web.mounts import mount
from modules.web.slots import Page, Tab


def png_info_tab(page: Page) -> Tab:
    return Tab("PNG Info", "tab_pnginfo", lambda: mount(page.assets, "png_info", elem_id="pnginfo"))
