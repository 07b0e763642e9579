"""A1111's `modules.rng_philox`: NVIDIA's noise on any machine."""

from __future__ import annotations

from typing import Any

from modules.diffusion.philox import PhiloxNormals


class Generator:
    """That of a seed; its arrays are NumPy's."""

    def __init__(self, seed: int) -> None:
        self.seed, self.offset = seed, 0
        self._normals = PhiloxNormals(seed)

    def randn(self, shape: tuple[int, ...]) -> Any:
        """The next numbers, of this shape."""
        self.offset += 1
        return self._normals.draw(tuple(shape)).numpy()
