"""Who may change the program itself: its owner, at the machine that it runs on."""

from __future__ import annotations

import ipaddress

from starlette.types import Scope

from modules.studio.address import is_local
from modules.studio.command_line import Flags
from modules.web.login import is_owner

WIDE = "--enable-insecure-extension-access"


def why_not_owner(flags: Flags, scope: Scope) -> str:
    """Why whoever sent a request may not change the program; "" if they may."""
    if not is_owner(scope):
        return "Only the owner, who is the first one named by the login flags, changes extensions."
    if flags.enable_insecure_extension_access:
        return ""
    if not is_local(flags):
        return (
            "Other machines can reach this server, so extensions are not changed here: whoever can, runs programs on "
            f"this machine. Start it for this machine only, or with {WIDE}."
        )
    if not _is_loopback(scope):
        return f"Extensions are changed at the machine itself, or anywhere with {WIDE}."
    return ""


def _is_loopback(scope: Scope) -> bool:
    client = scope.get("client")
    try:
        return client is not None and ipaddress.ip_address(client[0].partition("%")[0]).is_loopback
    except ValueError:
        return False
