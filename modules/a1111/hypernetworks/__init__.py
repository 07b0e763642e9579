"""A1111's `modules.hypernetworks`."""
