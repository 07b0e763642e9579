"""What a job's picture is called: A1111's numbers, patterns, and the room that the file system leaves for them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from modules.studio.filenames import LONGEST_NAME, Subject, file_name, safe_component
from modules.studio.picture_files import Naming
from modules.studio.request import Extras

NAME_FRAME = 32
"""Bytes of a file's name that are not the pattern: number, ending, and those of its temporary name."""


def naming_of(subject: Subject, grid: bool, ending: str, folder: Path, aside: str = "") -> Naming:
    """The name of a file; what is kept `aside` has that ending too, as A1111's suffixes."""
    named = _naming_of(subject, grid, ending, folder)
    return replace(named, decoration="-".join(filter(None, (named.decoration, aside))))


def _naming_of(subject: Subject, grid: bool, ending: str, folder: Path) -> Naming:
    """A1111's names: 00000-<pattern>, where the pattern is the seed unless another is set, and grid-0000; of several
    pictures of the Extras, and of a folder, those that they had."""
    options = subject.job.options
    if grid:
        return Naming("", ending, prefix="grid-", digits=4)
    longest = min(LONGEST_NAME, _longest_name(folder) - NAME_FRAME)
    if subject.job.destination is not None:
        return Naming(safe_component(subject.job.destination.name, longest), ending, numbered=False)
    if isinstance(subject.job.request, Extras):
        named = safe_component(subject.job.request.name_of(subject.index), longest)
        return Naming(named, ending, numbered=not named)
    numbered = options.save_images_add_number
    default = "[seed]" if options.save_to_dirs or not numbered else "[seed]-[prompt_spaces]"
    decoration = file_name(options.samples_filename_pattern or default, subject, longest)
    return Naming(decoration, ending, numbered=numbered or not decoration)


def _longest_name(folder: Path) -> int:
    """Bytes that a name may have there: less than 255 on encrypted folders. Windows does not tell."""
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):
        return LONGEST_NAME
