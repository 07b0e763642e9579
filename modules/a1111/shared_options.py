"""A1111's `modules.shared_options`: the declarations of the options, and those that the API may not change."""

from __future__ import annotations

from modules.studio.settings import RESTRICTED_OPTIONS

from .options import OptionDiv, OptionHTML, OptionInfo, Options, categories, options_section

__all__ = [
    "OptionDiv",
    "OptionHTML",
    "OptionInfo",
    "categories",
    "options_section",
    "options_templates",
    "opts",
    "restricted_opts",
]

restricted_opts = set(RESTRICTED_OPTIONS)
opts = Options(restricted_opts=restricted_opts)
options_templates = opts.data_labels
