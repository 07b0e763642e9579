"""A1111's `modules.cmd_args`: the parser of the command line."""

from __future__ import annotations

from .shared_cmd_options import parser

__all__ = ["parser"]
