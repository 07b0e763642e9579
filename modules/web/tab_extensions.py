"""The Extensions tab: what is installed and how it behaves; brought, updated, turned off and taken away."""

from __future__ import annotations

from modules.web.mounts import mount
from modules.web.slots import Page, Tab


def extensions_tab(page: Page) -> Tab:
    return Tab("Extensions", "tab_extensions", lambda: mount(page.assets, "extensions", elem_id="aquatint_extensions"))
