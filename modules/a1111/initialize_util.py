"""A1111's `modules.initialize_util`: what its start mends. Here there is nothing to mend."""

from __future__ import annotations

from typing import Any


def get_gradio_auth_creds() -> list[tuple[str, str]]:
    """Logins are the gate's, and told to nobody."""
    return []


def restore_config_state_file() -> None:
    """Versions of extensions are put back on the Extensions tab."""


def configure_opts_onchange() -> None:
    """What follows a change of an option follows by itself."""


def configure_cors_middleware(app: Any) -> None:
    """--cors-allow-origins is the gate's."""


def setup_middleware(app: Any) -> None:
    """The gate stands in front of everything."""
