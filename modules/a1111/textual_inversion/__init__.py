"""A1111's `modules.textual_inversion`."""
