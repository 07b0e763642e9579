"""The Queue tab: one's own jobs, in the order in which they will run."""

from __future__ import annotations

from modules.web.mounts import mount
from modules.web.slots import Page, Tab


def queue_tab(page: Page) -> Tab:
    return Tab("Queue", "tab_queue", lambda: mount(page.assets, "queue", elem_id="aquatint_queue"))
