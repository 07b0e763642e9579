"""A1111's `modules.import_hook`: what it changes before anything is imported. Here nothing is."""

from __future__ import annotations
